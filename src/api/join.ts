import { checkOptions, InvalidOption } from '../errors/index.js'
import type { IceServer, OpenDirect, OpenSignaling } from '../links/index.js'
import { type Runtime, systemRuntime } from '../runtime/index.js'
import type { Persistence } from '../store/index.js'
import { loadMesh } from './load-mesh.js'
import type { Mesh } from './mesh.js'
import { type CheckedJoinOptions, type JoinOptions, joinOptions, type Place } from './options.js'
import type { Platform } from './platform.js'

/** Makes the `join` of a platform. */
export function joinOn(platform: Platform): (options: JoinOptions) => Promise<Mesh> {
  return async (given) => {
    const options = checkOptions(joinOptions, given, 'join') as unknown as CheckedJoinOptions
    const runtime = systemRuntime(options.log === undefined ? {} : { log: options.log })
    const until = runtime.now() + options.timeout
    // Before all else, as it may come over the network.
    const loading = loadMesh(options.timeout)
    // Waited for below; what is opened until then may fail first.
    loading.catch(() => {})
    const platformDirect =
      options.relay === 'only' ? undefined : await platform.openDirect(options.iceTransportPolicy)
    const { direct, signaling: bare } = openPlace(options, platform, runtime, platformDirect)
    const signaling = withIceServers(bare, options.iceServers ?? [])
    const openMesh = await loading
    // After all that may fail, as it locks the folder: a service of the caller's own may throw, a script be missing.
    const kept = await openPersistence(options.persistence, platform)
    return openMesh({ options, runtime, platform, kept, signaling, direct, until })
  }
}

function openPlace(
  options: CheckedJoinOptions,
  platform: Platform,
  runtime: Runtime,
  direct: OpenDirect | undefined,
): Place {
  const { signal, room, token, iceTransportPolicy } = options
  if (typeof signal === 'object' && 'open' in signal) {
    // Such a service may make connections of its own, as PeerJS does, and they would show what was to stay hidden.
    if (iceTransportPolicy !== 'all')
      throw new InvalidOption(
        'join.iceTransportPolicy',
        iceTransportPolicy,
        "must be 'all' with a signalling service other than ringmesh's own",
      )
    return signal.open(room, runtime, direct)
  }
  const urls = typeof signal === 'string' ? [signal] : signal
  const checked = typeof token === 'function' ? () => givenBy(token) : token
  return {
    signaling: platform.signaling({ runtime, urls: urls.map(toWebSocketUrl), room, token: checked }),
    direct,
  }
}

/** What the caller's function gives is known only now; the server could only say that it is no good. */
async function givenBy(token: () => Promise<string>): Promise<string> {
  const given: unknown = await token()
  if (typeof given !== 'string') throw new InvalidOption('join.token', typeof given, 'must give a string')
  return given
}

/** A folder is opened before anything else is, so that one that cannot be used is refused and not found out by a write. */
async function openPersistence(
  given: JoinOptions['persistence'],
  platform: Platform,
): Promise<Persistence | false | undefined> {
  if (typeof given !== 'string') return given
  try {
    return await platform.openFolder(given)
  } catch (error) {
    throw new InvalidOption(
      'join.persistence',
      given,
      `must be a folder that can be used (${reasonOf(error)})`,
    )
  }
}

/** What a database says of itself names only that it failed; the reason is its cause's. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? cause.message : message
}

/** `http:` and `https:` mean the WebSocket at the same place, as in the URL standard of today. */
function toWebSocketUrl(url: string): string {
  return url.replace(/^http/, 'ws')
}

/** Adds the page's own ICE servers to those that the signalling server hands out. */
function withIceServers(open: OpenSignaling, own: readonly IceServer[]): OpenSignaling {
  if (own.length === 0) return open
  return (self, events) =>
    open(self, { ...events, welcome: (peers, given) => events.welcome(peers, [...own, ...given]) })
}
