import * as v from 'valibot'
import { hiddenValue } from '../src/errors/index.js'
import { shortestKey } from './mint-token.js'
import { flag, iceServer, jwksOrUrl, origin, path, text, turnUrls, whole } from './option-values.js'
import { signalLimits } from './rooms/index.js'

/** A TURN server that shares a secret with this one, as coturn does with `use-auth-secret`. */
const turn = v.strictObject({
  /** `turn:host:3478?transport=udp` and the like. */
  urls: turnUrls,
  /** coturn's `static-auth-secret`. */
  secret: text,
  /** Seconds that credentials hold; they are renewed when three quarters of it have passed, or up to a second sooner. */
  ttlSeconds: v.optional(v.pipe(whole, v.minValue(4, 'must be at least 4')), 3600),
})

const peerjs = v.strictObject({
  /** What PeerJS clients give as `path`. */
  path: v.optional(path, '/peerjs'),
  /** What PeerJS clients give as `key`: an application's name, no secret. */
  key: v.optional(
    v.pipe(text, v.regex(/^[\w-]{1,64}$/, 'must be 1 to 64 letters, digits, _ or -')),
    'peerjs',
  ),
  /** Lets anybody list the ids of those connected. */
  discovery: v.optional(flag, false),
})

/** Everything that a signalling server can be told, by file, flags, environment or code. */
export const signalOptions = v.strictObject({
  /** Where to listen. Anything but loopback needs `key`, `jwks` or `open`. */
  host: v.optional(text, '127.0.0.1'),
  /** The port; 0 takes any that is free. */
  port: v.optional(
    v.pipe(
      v.number('must be a port number'),
      v.integer('must be a port number'),
      v.minValue(0, 'must be a port number'),
      v.maxValue(65_535, 'must be a port number'),
    ),
    9000,
  ),
  /** Where peers connect. */
  path: v.optional(path, '/'),
  /** Lets everybody in, also from other machines. */
  open: v.optional(flag, false),
  /** The shared secret that tokens are signed with (HS256). */
  key: v.optional(v.pipe(text, v.minLength(shortestKey, `must have at least ${shortestKey} characters`))),
  /** The secret before `key`, whose tokens are still taken: what a key is changed by without refusing anybody. */
  previousKey: v.optional(
    v.pipe(text, v.minLength(shortestKey, `must have at least ${shortestKey} characters`)),
  ),
  /** What the claim `aud` of every token must name; wanted where the keys sign tokens for other services too. Unset: not looked at. */
  audience: v.optional(text),
  /** What the claim `iss` of every token must be. Unset: not looked at. */
  issuer: v.optional(text),
  /** The URL of the JWKS whose keys tokens are signed with (EdDSA, ES256), or the JWKS itself. */
  jwks: v.optional(jwksOrUrl),
  /** `Origin`s that pages may connect from, such as `https://app.example`; unset: any. Node peers send none and are not asked. */
  origins: v.optional(v.array(origin, 'must be a list')),
  /** How many proxies in front are trusted to say in `X-Forwarded-For` whom they speak for. */
  trustedProxies: v.optional(whole, 0),
  /** STUN and TURN servers for all peers, with lasting credentials or none. */
  iceServers: v.optional(v.array(iceServer, 'must be a list of ICE servers'), []),
  /** A TURN server that peers get time-limited credentials for. */
  turn: v.optional(turn),
  /** The URL of the Redis through which instances share their rooms; unset: this instance is alone. */
  redis: v.optional(v.pipe(text, v.regex(/^(rediss?|unix):\/\//, 'must be a redis:// URL'))),
  /** What the keys in Redis start with. */
  redisPrefix: v.optional(text, 'ringmesh:'),
  /** The door for stock PeerJS clients; false for none. On by default, unless attached to a server of somebody else's. */
  peerjs: v.optional(v.union([v.literal(false), peerjs], 'must be false or an object')),
  /** Milliseconds that peers are given to move when the server stops. */
  drainMilliseconds: v.optional(whole, 5_000),
  /** What is granted at most; see `signalLimits`. */
  limits: v.optional(signalLimits, {}),
})

/** The options of a signalling server, as they are written. */
export type SignalOptions = v.InferInput<typeof signalOptions>
/** The options of a signalling server, with all defaults filled in. */
export type SignalConfiguration = v.InferOutput<typeof signalOptions>

/** The settings of the PeerJS door when nothing is said. */
export const defaultPeerJs = v.parse(peerjs, {})

/** What no error, log or print may show, as paths in the options. */
export const signalSecrets = ['key', 'previousKey', 'jwks', 'redis', 'turn.secret', 'iceServers.credential']

/** A configuration to be printed: what is secret in it is not shown. */
export function withoutSecrets(configuration: SignalConfiguration): SignalConfiguration {
  const { key, previousKey, jwks, turn, redis, iceServers, ...rest } = configuration
  return {
    ...rest,
    ...(key === undefined ? {} : { key: hiddenValue }),
    ...(previousKey === undefined ? {} : { previousKey: hiddenValue }),
    ...(jwks === undefined ? {} : { jwks: typeof jwks === 'string' ? withoutQuery(jwks) : hiddenValue }),
    ...(redis === undefined ? {} : { redis: withoutUser(redis) }),
    ...(turn === undefined ? {} : { turn: { ...turn, secret: hiddenValue } }),
    iceServers: iceServers.map((server) =>
      server.credential === undefined ? server : { ...server, credential: hiddenValue },
    ),
  }
}

/** A query may hold a key of the service that has the keys. */
function withoutQuery(url: string): string {
  return url.replace(/\?.*/s, `?${hiddenValue}`)
}

/** Up to the last `@`: a password may have one in it, and be a mistake in other ways. */
function withoutUser(url: string): string {
  return url.replace(/\/\/.*@/s, `//${hiddenValue}@`)
}
