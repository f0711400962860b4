import * as v from 'valibot'
import { checkOptions, InvalidOption } from '../../errors/index.js'
import type { Runtime } from '../../runtime/index.js'
import { unpackValue } from '../../wire/index.js'
import type { OpenDirect } from '../direct-link.js'
import type { OpenSignaling } from '../signaling.js'
import type { AnyPeer, AnyPeerClass, PeerjsPackage } from './load-peerjs.js'
import { PeerServerSignaling } from './peer-server-signaling.js'
import { peerServerSockets } from './peer-server-socket.js'
import type { PeerServerAddress, PeerServerClients } from './peer-server-transport.js'
import type { StandardWebSocket } from './standard-web-socket.js'

/** Where the PeerServer is; the names are those of PeerJS. */
export interface PeerjsOptions {
  /** Default: PeerJS's public server, `0.peerjs.com`. */
  host?: string
  /** Default: 443. */
  port?: number
  /** Default: `/`. */
  path?: string
  /** Default: `peerjs`, as of a PeerServer that was given none. */
  key?: string
  /** Whether by TLS. Default: only on port 443. */
  secure?: boolean
  /**
   * A Peer of yours, in place of all the others: the mesh uses the same class, server, key and ICE
   * servers. It opens Peers of its own beside it, as a mesh id is fresh for every page load, and
   * leaves yours and its connections alone.
   */
  peer?: AnyPeer
}

const isPeer = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && typeof (value as Partial<AnyPeer>).options === 'object'

const peerjsOptions = v.optional(
  v.strictObject({
    host: v.optional(
      v.pipe(v.string('must be a host name'), v.nonEmpty('must be a host name')),
      '0.peerjs.com',
    ),
    port: v.optional(
      v.pipe(
        v.number('must be a port'),
        v.integer('must be a port'),
        v.minValue(1, 'must be a port'),
        v.maxValue(65_535, 'must be a port'),
      ),
      443,
    ),
    path: v.optional(v.string('must be a path'), '/'),
    key: v.optional(v.string('must be a string'), 'peerjs'),
    secure: v.optional(v.boolean('must be true or false')),
    peer: v.optional(v.custom<AnyPeer>(isPeer, 'must be a Peer of PeerJS')),
  }),
  {},
)

/** A stock PeerServer as a signalling service for `join`. */
export interface PeerjsService {
  /** Opens a place in `room`, with the platform's direct links where there are any. */
  open(
    room: string,
    runtime: Runtime,
    direct: OpenDirect | undefined,
  ): { readonly signaling: OpenSignaling; readonly direct: OpenDirect | undefined }
}

/** The package is a file of its own, that may be slow to come or not there at all, in milliseconds. */
const loadTimeout = 10_000

/**
 * Signalling and direct links over any stock PeerServer, with no server of ringmesh's own: the
 * `peerjs` of the public API, for a platform.
 *
 * In a browser the package `peerjs` is loaded when the first mesh needs it: a Peer holds the
 * connection to the server, and direct links are its DataConnections. Node has no WebRTC that the
 * package could find, so there a WebSocket speaks the same protocol, and direct links negotiate as
 * DataConnections do; tabs and edge workers mix. The same serves a page in which the package does
 * not load or finds no WebRTC, and where no direct links are wanted.
 *
 * @param load - loads the package; without it everything is done by hand
 * @throws {InvalidOption}
 *
 * @example
 * ```ts
 * const peerjs = peerjsOn(WebSocket)
 * await join({ signal: peerjs({ host: 'localhost', port: 9000 }), room: 'demo' })
 * ```
 */
export function peerjsOn(
  WebSocket: new (url: string) => StandardWebSocket,
  load?: () => Promise<PeerjsPackage>,
): (options?: PeerjsOptions) => PeerjsService {
  return (options) => {
    const { peer, ...given } = checkOptions(peerjsOptions, options, 'peerjs')
    const extra = peer && Object.keys(options ?? {}).find((name) => name !== 'peer')
    if (extra !== undefined) {
      const value = options?.[extra as keyof PeerjsOptions]
      throw new InvalidOption(`peerjs.${extra}`, value, 'must not be given with a peer, which has its own')
    }
    const address = addressOf({ ...given, ...peer?.options })
    const { host, port, path } = address
    return {
      open: (room, runtime, direct) => {
        const byHand = peerServerSockets(WebSocket, address, direct)
        const clients =
          load === undefined || direct === undefined
            ? Promise.resolve(byHand)
            : byPackage(load, address, peer, byHand, runtime)
        const where = `${host}:${port}${path}`
        let place: PeerServerSignaling | undefined
        return {
          signaling: (self, events) => {
            place = new PeerServerSignaling(runtime, clients, where, room, self, events)
            return place
          },
          direct:
            direct &&
            ((...parameters) => {
              if (place === undefined) throw new Error('not in the room')
              return place.dial(...parameters)
            }),
        }
      },
    }
  }
}

type PartsOfAddress = { readonly [Part in keyof PeerServerAddress]?: PeerServerAddress[Part] | undefined }

function addressOf({
  host = '',
  port = 443,
  path = '/',
  key = '',
  secure,
}: PartsOfAddress): PeerServerAddress {
  return { host, port, path: `/${path}/`.replace(/\/+/g, '/'), key, secure: secure ?? port === 443 }
}

/** Clients by the package; by hand where it does not load, or finds no WebRTC and would not connect at all. */
function byPackage(
  load: () => Promise<PeerjsPackage>,
  address: PeerServerAddress,
  peer: AnyPeer | undefined,
  byHand: PeerServerClients,
  runtime: Runtime,
): Promise<PeerServerClients> {
  return new Promise((resolve) => {
    const giveUp = (problem: unknown): void => {
      bound.cancel()
      runtime.log('warn', 'peerjs: the package is not used', { problem: String(problem) })
      resolve(byHand)
    }
    const bound = runtime.timer(loadTimeout, () => giveUp(`it did not load within ${loadTimeout / 1000} s`))
    load().then(({ Peer, peerjsClients, util }) => {
      bound.cancel()
      if (!util.supports.data) return giveUp('it finds no WebRTC')
      const Class = (peer?.constructor ?? Peer) as AnyPeerClass
      const peerOptions = { config: { iceServers: [] }, ...peer?.options, ...address }
      resolve(peerjsClients(Class, peerOptions, runtime, unpackValue))
    }, giveUp)
  })
}
