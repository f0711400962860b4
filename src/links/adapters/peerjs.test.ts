import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { systemRuntime } from '../../runtime/index.js'
import type { PeerInfo } from '../../wire/index.js'
import type { OpenDirect } from '../direct-link.js'
import type { Signaling } from '../signaling.js'
import { peerjsInNode } from '../testing/peerjs-in-node.js'
import { type StockPeerServer, stockPeerServer } from '../testing/stock-peer-server.js'
import type { PeerjsPackage } from './load-peerjs.js'
import { nodeRtc } from './node-rtc.js'
import { peerjsOn } from './peerjs.js'

const toClose: (() => void)[] = []
afterEach(() => {
  for (const close of toClose.splice(0)) close()
})

async function stockServer(options?: Parameters<typeof stockPeerServer>[0]): Promise<StockPeerServer> {
  const server = await stockPeerServer(options)
  toClose.push(() => void server.stop())
  return server
}

/** With the package `peerjs`, or by hand as in Node. */
const kinds = ['the package', 'hand'] as const
let kind: (typeof kinds)[number] = 'hand'
let packaged: PeerjsPackage
let direct: OpenDirect | undefined

/** What a client has at the server: its own id, and those of lobbies. */
interface Connection {
  readonly id: string | null
  readonly socket: WebSocket | undefined
}

class Client {
  readonly log: string[] = []
  readonly signaling: Signaling
  readonly direct: OpenDirect
  /** All that it ever had. */
  readonly connections: Connection[] = []

  constructor(
    readonly id: string,
    port: number,
    room = 'room',
    key = 'peerjs',
  ) {
    const self: PeerInfo = { id, kind: 'tab', weight: 1, host: id }
    const { connections } = this
    class MySocket extends WebSocket {
      constructor(url: string) {
        super(url)
        connections.push({ id: new URL(url).searchParams.get('id'), socket: this })
      }
    }
    const { Peer } = packaged
    class MyPeer extends Peer {
      constructor(...parameters: ConstructorParameters<typeof Peer>) {
        super(...parameters)
        const { socket } = this as unknown as { socket: { _socket?: WebSocket } }
        connections.push({
          id: parameters[0],
          get socket() {
            return socket._socket
          },
        })
      }
    }
    const load = async (): Promise<PeerjsPackage> => ({ ...packaged, Peer: MyPeer })
    const service = peerjsOn(MySocket, kind === 'hand' ? undefined : load)({ host: '127.0.0.1', port, key })
    const place = service.open(room, systemRuntime({ log: () => {} }), direct)
    if (place.direct === undefined) throw new Error('node-datachannel is not installed')
    this.direct = place.direct
    this.signaling = place.signaling(self, {
      welcome: (peers) => this.log.push(`welcome ${peers.map((peer) => peer.id).sort()}`),
      refused: (error) => this.log.push(`refused ${error.name}`),
      joined: (peer) => this.log.push(`joined ${peer.id}`),
      closed: (peer, clean) => this.log.push(`closed ${peer} ${clean}`),
      offered: (from, payload) => this.log.push(`offered ${from} ${payload}`),
      relayed: (from, frame) => this.log.push(`relayed ${from} ${frame}`),
      unreachable: (peer) => this.log.push(`unreachable ${peer}`),
      lost: () => this.log.push('lost'),
    })
    toClose.push(() => this.signaling.close(false))
  }

  /** Without a word, as a killed page. */
  crash(): void {
    for (const { socket } of this.connections) socket?.terminate()
    this.signaling.close(false)
  }

  /** As the loss of a network: here the connection is over, and the server knows nothing of it. */
  loseNetwork(): void {
    for (const { socket } of this.connections) {
      if (socket?.readyState !== WebSocket.OPEN) continue
      toClose.push(() => socket.terminate())
      socket.close = () => {}
      const { onclose } = socket
      onclose?.call(socket, {} as never)
    }
  }

  saw(entry: string): Promise<void> {
    return expect.poll(() => this.log).toContain(entry)
  }
}

/** `first` holds the lobby, as it was alone. */
async function room(port: number, ...ids: string[]): Promise<Client[]> {
  const clients: Client[] = []
  for (const id of ids) {
    const client = new Client(id, port)
    await expect.poll(() => client.signaling.connected).toBe(true)
    clients.push(client)
  }
  return clients
}

beforeAll(async () => {
  packaged = await peerjsInNode()
  direct = await nodeRtc()
})

describe.each(kinds)('a room on a stock PeerServer, by %s', (thisKind) => {
  beforeAll(() => {
    kind = thisKind
  })

  it('tells newcomers who is there, and the others of them', async () => {
    const { port } = await stockServer()
    const [a, b] = (await room(port, 'a', 'b')) as [Client, Client]
    await a.saw('joined b')
    expect(a.log[0]).toBe('welcome ')
    expect(b.log[0]).toBe('welcome a')
  })

  it('carries offers and frames', async () => {
    const { port } = await stockServer()
    const [a, b] = (await room(port, 'a', 'b')) as [Client, Client]
    a.signaling.sendOffer('b', Uint8Array.of(1, 2))
    b.signaling.relay('a', Uint8Array.of(255))
    await b.saw('offered a 1,2')
    await a.saw('relayed b 255')
  })

  it('tells goodbyes', async () => {
    const { port } = await stockServer()
    const [a, b] = (await room(port, 'a', 'b')) as [Client, Client]
    await a.saw('joined b')
    b.signaling.close(true)
    await a.saw('closed b true')
  })

  it('goes on when the holder of the lobby crashes', async () => {
    const { port } = await stockServer()
    const [a, b] = (await room(port, 'a', 'b')) as [Client, Client]
    a.crash()
    const late = new Client('c', port)
    await expect.poll(() => late.log.some((line) => line === 'welcome b' || line === 'joined b')).toBe(true)
    await b.saw('joined c')
  })

  it('forms when all start at once', async () => {
    const { port } = await stockServer()
    const clients = ['a', 'b', 'c', 'd'].map((id) => new Client(id, port))
    for (const client of clients) {
      const others = clients.filter((other) => other !== client).map((other) => other.id)
      await expect
        .poll(() =>
          others.every((id) =>
            client.log.some(
              (line) => line === `joined ${id}` || (line.startsWith('welcome') && line.includes(id)),
            ),
          ),
        )
        .toBe(true)
    }
  })

  it('comes back after the server restarts', async () => {
    const server = await stockServer()
    const [a, b] = (await room(server.port, 'a', 'b')) as [Client, Client]
    await server.stop()
    await a.saw('lost')
    await b.saw('lost')
    await stockServer({ port: server.port })
    for (const client of [a, b]) await expect.poll(() => client.signaling.connected).toBe(true)
    b.signaling.relay('a', Uint8Array.of(7))
    await a.saw('relayed b 7')
  })

  it('comes back after the network was lost, though the server takes it for there and says no OPEN', async () => {
    const { port } = await stockServer()
    const [a, b] = (await room(port, 'a', 'b')) as [Client, Client]
    await a.saw('joined b')
    b.loseNetwork()
    await b.saw('lost')
    await expect.poll(() => b.signaling.connected).toBe(true)
    a.signaling.relay('b', Uint8Array.of(5))
    await b.saw('relayed a 5')
  })

  it('hints at a peer that the server has no socket of, and ends a dial to it', async () => {
    const { port } = await stockServer({ expire_timeout: 300, cleanup_out_msgs: 100 })
    const [a, b] = (await room(port, 'a', 'b')) as [Client, Client]
    await a.saw('joined b')
    b.crash()
    const ended = new Promise<string>((resolve) => {
      const ignored = (): void => {}
      const events = { open: ignored, frame: ignored, drain: ignored, trouble: ignored, close: resolve }
      a.direct('b', true, [], ignored, events, 1)
    })
    expect(await ended).toBe('nobody has this id at the PeerServer')
    await a.saw('closed b false')
  })

  it('uses the next lobby while one is held by someone who does not answer', async () => {
    const { port } = await stockServer()
    const [a] = (await room(port, 'a')) as [Client]
    a.crash()
    // The id of the first lobby of room, taken by a client that knows nothing of rooms.
    const probe = new Client('probe', port)
    await expect.poll(() => probe.signaling.connected).toBe(true)
    const lobby = probe.connections.map(({ id }) => id).findLast((id) => id?.endsWith('-0'))
    probe.signaling.close(true)
    const squatter = new WebSocket(`ws://127.0.0.1:${port}/peerjs?key=peerjs&id=${lobby}&token=t`)
    toClose.push(() => squatter.terminate())
    await new Promise((resolve) => squatter.once('open', resolve))
    const [b, c] = (await room(port, 'b', 'c')) as [Client, Client]
    await b.saw('joined c')
    expect(c.log[0]).toBe('welcome b')
  })

  it('tells typed errors: no such server, a wrong key', async () => {
    const { port, stop } = await stockServer()
    const wrong = new Client('a', port, 'room', 'wrong')
    await wrong.saw('refused Unauthorized')
    await stop()
    const nobody = new Client('a', port)
    await nobody.saw('refused SignalUnreachable')
  })
})

describe('peerjs', () => {
  it("opens Peers of its own beside an app's, of the same class, at the same server", async () => {
    const { port } = await stockServer()
    const made: string[] = []
    class AppPeer extends packaged.Peer {
      constructor(...parameters: ConstructorParameters<PeerjsPackage['Peer']>) {
        super(...parameters)
        made.push(parameters[0])
      }
    }
    const peer = new AppPeer('of-the-app', { host: '127.0.0.1', port, path: '/', secure: false })
    const { destroy } = peer as unknown as { destroy(): void }
    toClose.push(() => destroy.call(peer))
    const service = peerjsOn(WebSocket, async () => packaged)({ peer })
    await new Promise<void>((resolve, reject) => {
      const self: PeerInfo = { id: 'of-the-mesh', kind: 'tab', weight: 1, host: 'here' }
      const ignored = (): void => {}
      const { signaling } = service.open('room', systemRuntime({ log: () => {} }), direct)
      const place = signaling(self, {
        ...{ joined: ignored, closed: ignored, offered: ignored, relayed: ignored, unreachable: ignored },
        welcome: () => resolve(),
        refused: reject,
        lost: ignored,
      })
      toClose.push(() => place.close(false))
    })
    expect(made.slice(0, 2)).toEqual(['of-the-app', 'of-the-mesh'])
    expect(made[2]).toMatch(/^ringmesh-.*-0$/)
    expect(peer).toMatchObject({ destroyed: false, disconnected: false })
  })

  it('refuses options that are wrong', () => {
    const peerjs = peerjsOn(WebSocket)
    expect(() => peerjs({ port: -1 })).toThrow('peerjs.port: must be a port, but got -1')
    expect(() => peerjs({ prt: 1 } as never)).toThrow('peerjs.prt: is not an option here')
    expect(() => peerjs({ peer: {} } as never)).toThrow('peerjs.peer: must be a Peer of PeerJS')
    const peer = { options: {} } as never
    expect(() => peerjs({ peer, host: 'elsewhere' })).toThrow(
      'peerjs.host: must not be given with a peer, which has its own, but got "elsewhere"',
    )
  })
})
