import * as v from 'valibot'
import { checkOptions } from '../../errors/index.js'

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
}

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
  }),
  {},
)

/**
 * The address that `peerjs(options)` means: up to `?`, and the key.
 *
 * @throws {InvalidOption}
 */
export function peerServerOf(options: PeerjsOptions | undefined): { url: string; key: string } {
  const { host, port, path, key, secure } = checkOptions(peerjsOptions, options, 'peerjs')
  const base = `/${path}/`.replace(/\/+/g, '/')
  return { url: `${(secure ?? port === 443) ? 'wss' : 'ws'}://${host}:${port}${base}peerjs`, key }
}
