import { encodeMessage, joinProtocols, protocolVersion } from '../src/wire/index.js'
import { clientFrame, LoadClient } from './signal-load.js'

/** Sockets that join at the same time. */
export const abreast = 64
/** Peers in each room of ringmesh's, where it is not said otherwise: all hear of each that joins. */
export const usualRoom = 8

/** How the load generator speaks to one of the servers. */
export interface Dialect {
  /** What a client's request says: with every server it brings the client in. */
  path(n: number): string
  headers(n: number, roomSize: number): string
  /** What a client says that only wants to be known to be there. */
  readonly heartbeat: Buffer
  /** A message of so many bytes of the user's to client `n`. */
  message(n: number, bytes: number): Buffer
}

export const ringmeshDialect: Dialect = {
  path: () => '/',
  headers: (n, roomSize) => {
    const join = encodeMessage({
      type: 'signal.join',
      protocol: protocolVersion,
      room: `room-${Math.floor(n / roomSize)}`,
      peer: { id: `peer-${n}`, kind: 'tab', weight: 1, host: `host-${n}` },
      token: null,
    })
    return `Sec-WebSocket-Protocol: ${joinProtocols(join).join(', ')}\r\n`
  },
  heartbeat: clientFrame(encodeMessage({ type: 'signal.ping' }), false),
  message: (n, bytes) =>
    clientFrame(
      encodeMessage({ type: 'signal.relay', to: `peer-${n}`, frame: new Uint8Array(bytes).fill(7) }),
      false,
    ),
}

export const peerDialect: Dialect = {
  path: (n) => `/peerjs?key=peerjs&id=peer-${n}&token=token-${n}`,
  headers: () => '',
  heartbeat: clientFrame(Buffer.from(JSON.stringify({ type: 'HEARTBEAT' })), true),
  message: (n, bytes) =>
    clientFrame(
      Buffer.from(JSON.stringify({ type: 'OFFER', dst: `peer-${n}`, payload: 'x'.repeat(bytes) })),
      true,
    ),
}

/** What is not asked of every crowd of clients. */
export interface Crowd {
  /** The number of its first client; default 0. */
  readonly first?: number
  /** A frame came for a client that is in. */
  onFrame?(n: number): void
}

/** Lets `count` clients in, some abreast; each counts as in at the first frame that it gets. */
export async function joinAll(
  port: number,
  dialect: Dialect,
  count: number,
  roomSize = usualRoom,
  { first = 0, onFrame = () => {} }: Crowd = {},
): Promise<LoadClient[]> {
  const clients: LoadClient[] = []
  await new Promise<void>((resolve) => {
    let begun = 0
    let inside = 0
    const begin = (): void => {
      if (begun === count) return
      const index = begun++
      const n = first + index
      let isIn = false
      clients[index] = new LoadClient(port, dialect.path(n), dialect.headers(n, roomSize), () => {
        if (isIn) return onFrame(n)
        isIn = true
        if (++inside === count) resolve()
        else begin()
      })
    }
    for (let started = 0; started < abreast; started++) begin()
  })
  return clients
}
