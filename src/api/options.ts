import * as v from 'valibot'
import type { IceServer, OpenDirect, OpenSignaling } from '../links/index.js'
import type { Log, Runtime } from '../runtime/index.js'
import type { Persistence } from '../store/index.js'
import { Chaos } from './chaos.js'

/** What a signalling service gives to one peer of a room. */
export interface Place {
  readonly signaling: OpenSignaling
  /** How direct links are made over it; undefined for none. */
  readonly direct: OpenDirect | undefined
}

/** A signalling service other than ringmesh's own server, such as `peerjs(...)` makes. */
export interface SignalingService {
  /**
   * Opens a place in `room`; called once by `join`.
   *
   * @param direct - how the platform makes direct links, for the service to use or replace;
   * undefined where none are wanted or there is no WebRTC
   */
  open(room: string, runtime: Runtime, direct: OpenDirect | undefined): Place
}

/** What `join` may be told. Only `signal` and `room` are needed. */
export interface JoinOptions {
  /**
   * Where peers find each other: the URL of a signalling server (`ws:`, `wss:`, or `http:`, `https:`
   * which mean the same), several to be tried in turn, or another service such as `peerjs(...)`.
   */
  signal: string | readonly string[] | SignalingService
  /** The name of the cluster: peers of one room on one service form one mesh. 1 to 256 characters. */
  room: string
  /** Sent to the signalling server; a function is called anew for every connection to it. */
  token?: string | (() => Promise<string>)
  /** Share of the ring, from 0 (holds no state) to 1000. Default: 1 for a tab, 4 for an edge worker. */
  weight?: number
  /** ICE servers for WebRTC; those of the signalling server are added. Default: none but those. */
  iceServers?: readonly IceServer[]
  /**
   * `relay`: WebRTC goes through TURN servers only, which hides a page's addresses from its peers. Only with
   * ringmesh's own signalling server. Default `all`.
   */
  iceTransportPolicy?: 'all' | 'relay'
  /**
   * Frames through the signalling server: `fallback` where WebRTC cannot connect (default), `only`
   * for no WebRTC at all, `never` for no relaying.
   */
  relay?: 'fallback' | 'only' | 'never'
  /**
   * Where this peer keeps its share of the state between loads: a folder, in Node only, which one process at a time
   * may use; storage of one's own; or `false` for memory. Default: IndexedDB in a browser, memory in Node.
   */
  persistence?: string | Persistence | false
  /** Milliseconds to be in the room by; then `join` rejects. Default 45,000, at most 10 minutes. */
  timeout?: number
  /** Cuts this peer off from others on demand, for tests and demonstrations. */
  chaos?: Chaos
  /** Where log lines go. Default: warnings and errors to the console. */
  log?: Log
}

/** {@link JoinOptions} once they are checked, defaults filled in. */
export type CheckedJoinOptions = JoinOptions &
  Required<Pick<JoinOptions, 'iceTransportPolicy' | 'relay' | 'timeout'>>

const url = v.pipe(
  v.string(),
  v.regex(/^(wss?|https?):\/\/[^\s/]/, 'must be a ws:, wss:, http: or https: URL'),
)
const isObjectWith = (...methods: readonly string[]) =>
  v.custom<object>(
    (value) =>
      typeof value === 'object' &&
      value !== null &&
      methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function'),
  )

const func = (expected: string) =>
  v.custom<(...parameters: never[]) => unknown>((value) => typeof value === 'function', expected)

/** The schema of {@link JoinOptions}. */
export const joinOptions = v.strictObject(
  {
    signal: v.union(
      [url, v.pipe(v.array(url), v.minLength(1, 'must name at least one URL')), isObjectWith('open')],
      'must be a ws:, wss:, http: or https: URL, a list of them, or a signalling service',
    ),
    room: v.pipe(
      v.string('must be a string'),
      v.minLength(1, 'must not be empty'),
      v.maxLength(256, 'must be at most 256 characters'),
    ),
    token: v.optional(
      v.union([v.string(), func('')], 'must be a string or a function that gives a promise of one'),
    ),
    weight: v.optional(
      v.pipe(
        v.number('must be a number from 0 to 1000'),
        v.finite('must be finite'),
        v.minValue(0, 'must be from 0 to 1000'),
        v.maxValue(1000, 'must be from 0 to 1000'),
      ),
    ),
    iceServers: v.optional(
      v.array(
        v.looseObject({ urls: v.union([v.string(), v.array(v.string())]) }),
        'must be a list of RTCIceServer',
      ),
    ),
    iceTransportPolicy: v.optional(v.picklist(['all', 'relay'], "must be 'all' or 'relay'"), 'all'),
    relay: v.optional(
      v.picklist(['fallback', 'only', 'never'], "must be 'fallback', 'only' or 'never'"),
      'fallback',
    ),
    persistence: v.optional(
      v.union(
        [
          v.literal(false),
          v.pipe(v.string(), v.nonEmpty('must not be empty')),
          isObjectWith('load', 'write', 'close'),
        ],
        'must be a folder, a Persistence, or false',
      ),
    ),
    timeout: v.optional(
      v.pipe(
        v.number('must be milliseconds'),
        v.minValue(1, 'must be from 1 to 600000 milliseconds'),
        v.maxValue(600_000, 'must be from 1 to 600000 milliseconds'),
      ),
      45_000,
    ),
    chaos: v.optional(v.instance(Chaos, 'must be a Chaos')),
    log: v.optional(func('must be a function')),
  },
  'must be an object of options',
)
