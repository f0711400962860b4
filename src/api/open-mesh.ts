import { RingmeshError } from '../errors/index.js'
import type { OpenDirect, OpenSignaling } from '../links/index.js'
import { MeshCore } from '../mesh/index.js'
import { MeshProcessSystem } from '../otp/index.js'
import { type Runtime, randomId } from '../runtime/index.js'
import { type Persistence, StateService } from '../store/index.js'
import { TaskService } from '../tasks/index.js'
import { openWorker } from '../threads/adapters/worker.js'
import { Mesh } from './mesh.js'
import { Messages } from './messages.js'
import type { CheckedJoinOptions } from './options.js'
import type { Platform } from './platform.js'
import { adoptSystem } from './processes.js'
import { processSnapshots, taskRecords } from './records.js'

/** What `join` has checked and opened. */
export interface MeshSettings {
  readonly options: CheckedJoinOptions
  readonly runtime: Runtime
  readonly platform: Platform
  /** Where the state is kept: false for nowhere, undefined for where the platform keeps it. */
  readonly kept: Persistence | false | undefined
  readonly signaling: OpenSignaling
  readonly direct: OpenDirect | undefined
  /** When the join is given up, on the runtime's clock. */
  readonly until: number
}

/**
 * Enters the room with all that a member does for the others: it keeps state, shares tasks out and hosts processes.
 *
 * @throws {RingmeshError} `SignalUnreachable`, `Unauthorized`, `RoomFull`, `ProtocolMismatch`
 */
export function openMesh(settings: MeshSettings): Promise<Mesh> {
  const { options, runtime, platform, kept, signaling, direct, until } = settings
  const { chaos } = options
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
    const processes = new MeshProcessSystem({
      runtime,
      cluster: core,
      threads: openWorker,
      snapshots: processSnapshots(state),
      parallelism: platform.cores,
    })
    const stops = [adoptSystem(processes), platform.follow(core)]
    const mesh = new Mesh({ core, messages, state, tasks, processes, stops })
    const bound = runtime.timer(Math.max(0, until - runtime.now()), () => {
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
