import * as v from 'valibot'
import { signalLimits } from './rooms/index.js'

const text = v.pipe(v.string('must be a string'), v.nonEmpty('must not be empty'))
const path = v.pipe(v.string('must be a string'), v.startsWith('/', 'must start with /'))
const milliseconds = v.pipe(
  v.number('must be a number'),
  v.integer('must be whole'),
  v.minValue(0, 'must be 0 or more'),
)

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
  open: v.optional(v.boolean('must be true or false'), false),
  /** `Origin`s that pages may connect from, such as `https://app.example`; unset: any. Node peers send none and are not asked. */
  origins: v.optional(v.array(text, 'must be a list of origins')),
  /** How many proxies in front are trusted to say in `X-Forwarded-For` whom they speak for. */
  trustedProxies: v.optional(milliseconds, 0),
  /** Milliseconds that peers are given to move when the server stops. */
  drainMilliseconds: v.optional(milliseconds, 5_000),
  /** What is granted at most; see {@link signalLimits}. */
  limits: v.optional(signalLimits, {}),
})

/** The options of a signalling server, as they are written. */
export type SignalOptions = v.InferInput<typeof signalOptions>
/** The options of a signalling server, with all defaults filled in. */
export type SignalConfiguration = v.InferOutput<typeof signalOptions>
