import { checkOptions, InvalidOption, RingmeshError } from '../errors/index.js'
import type { IceServer, OpenDirect, OpenSignaling } from '../links/index.js'
import { MeshCore } from '../mesh/index.js'
import { ProcessSystem } from '../otp/index.js'
import { type Runtime, randomId, systemRuntime } from '../runtime/index.js'
import { type Persistence, StateService } from '../store/index.js'
import { TaskService } from '../tasks/index.js'
import { openWorker } from '../threads/adapters/worker.js'
import { Mesh } from './mesh.js'
import { Messages } from './messages.js'
import { type CheckedJoinOptions, type JoinOptions, joinOptions, type Place } from './options.js'
import type { Platform } from './platform.js'
import { adoptSystem } from './processes.js'
import { processSnapshots, taskRecords } from './records.js'

/** Makes the `join` of a platform. */
export function joinOn(platform: Platform): (options: JoinOptions) => Promise<Mesh> {
  return async (given) => {
    const options = checkOptions(joinOptions, given, 'join') as unknown as CheckedJoinOptions
    const runtime = systemRuntime(options.log === undefined ? {} : { log: options.log })
    const { chaos } = options
    const platformDirect = options.relay === 'only' ? undefined : await platform.openDirect(runtime)
    // Before the folder is locked, as a service of the caller's own may throw.
    const { direct, signaling: bare } = openPlace(options, platform, runtime, platformDirect)
    const kept = await openPersistence(options.persistence, platform)
    const signaling = withIceServers(bare, options.iceServers ?? [])
    return new Promise<Mesh>((resolve, reject) => {
      const refuse = (error: unknown): void => {
        bound.cancel()
        core.goodbye()
        // When it rejects nothing is held any more: another join may use the same folder.
        void mesh.leave().then(() => reject(error))
      }
      const core: MeshCore = new MeshCore({
        runtime,
        self: {
          id: randomId(runtime),
          kind: platform.kind,
          weight: options.weight ?? platform.weight,
          host: platform.host(runtime),
        },
        openSignaling: chaos ? chaos.aroundSignaling(signaling) : signaling,
        openDirect: chaos && direct ? chaos.aroundDirect(direct) : direct,
        relay: options.relay,
        joined: () => {
          bound.cancel()
          resolve(mesh)
        },
        refused: refuse,
        drained: (peer) => messages.drained(peer),
      })
      const messages = new Messages(core)
      const persistence = kept === false ? undefined : (kept ?? platform.persistence(options.room, core.self))
      const state = new StateService({ cluster: core, persistence })
      const tasks = new TaskService({
        cluster: core,
        records: taskRecords(state),
        pool: { size: Math.max(1, platform.cores - 1), open: openWorker },
      })
      const processes = new ProcessSystem({
        runtime,
        cluster: core,
        threads: openWorker,
        snapshots: processSnapshots(state),
        parallelism: platform.cores,
      })
      const stops = [adoptSystem(processes), platform.follow(core)]
      const mesh = new Mesh({ core, messages, state, tasks, processes, stops })
      const bound = runtime.timer(options.timeout, () => {
        const seconds = options.timeout / 1000
        refuse(new RingmeshError('SignalUnreachable', `join: not in room ${options.room} after ${seconds} s`))
      })
      try {
        core.start()
      } catch (error) {
        // A service of the caller's own threw.
        refuse(error)
      }
    })
  }
}

function openPlace(
  options: CheckedJoinOptions,
  platform: Platform,
  runtime: Runtime,
  direct: OpenDirect | undefined,
): Place {
  const { signal, room, token } = options
  if (typeof signal === 'object' && 'open' in signal) return signal.open(room, runtime, direct)
  const urls = typeof signal === 'string' ? [signal] : signal
  return { signaling: platform.signaling({ runtime, urls: urls.map(toWebSocketUrl), room, token }), direct }
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
