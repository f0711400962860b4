import type { ThreadPort, ThreadPortEvents } from '../threads/index.js'
import type { Backoff } from './backoff.js'
import type { Shutdown } from './child-stop.js'
import type { GenServer, GenServerClass } from './gen-server.js'
import type { LaunchOptions } from './launch-options.js'
import type { Process } from './process.js'
import type { ProcessRef, ViaName } from './ref.js'
import type { Restart } from './restart-rule.js'
import type { ServerWorld, StartResult } from './server-world.js'

/** Who is restarted with a child: nobody, everybody, or those started after it. */
export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one'

/** When a supervisor ends by itself: never, or when any or all of its significant children have ended. */
export type AutoShutdown = 'never' | 'any_significant' | 'all_significant'

/** Leaves a nested supervisor stopped for a while when it gave up too often, instead of giving up above it too. */
export interface Quarantine {
  /** So many times given up … */
  readonly escalations: number
  /** … within so many seconds … */
  readonly maxSeconds: number
  /** … and it stays stopped for so many milliseconds. */
  readonly release: number
}

interface ChildCommon {
  /** Names it among its siblings. */
  readonly id: string
  /** Default `permanent`. */
  readonly restart?: Restart
  /** Default 5,000 ms; `Infinity` for a supervisor of any kind, which needs the time of all below it. */
  readonly shutdown?: Shutdown
  /** Whether its end counts for `autoShutdown`. Default false. */
  readonly significant?: boolean
}

/** A child that is a process. */
export interface WorkerSpec extends ChildCommon {
  /** The class and what its `init` takes, or what else starts a process, as `worker(…)`. */
  readonly start: readonly [server: GenServerClass, args?: unknown] | Launcher
  /** Registered for it before `init` runs. */
  readonly name?: string | ViaName
  /** Milliseconds that its `init` may take; default 5,000, and 30,000 for `worker(…)`. */
  readonly timeout?: number
}

/** A child that is a supervisor. */
export interface NestedSpec extends ChildCommon {
  readonly supervisor: SupervisorSpec
}

/** A child of a supervisor: a process, or a supervisor with children of its own. */
export type ChildSpec = WorkerSpec | NestedSpec

/** A child of a dynamic supervisor: its process is all that names it. */
export type DynamicChildSpec = Omit<WorkerSpec, 'id' | 'significant'> | Omit<NestedSpec, 'id' | 'significant'>

/** A supervisor and what it starts. */
export interface SupervisorSpec {
  /** Default `one_for_one`. */
  readonly strategy?: Strategy
  /** More restarts than this within `maxSeconds`, and the supervisor gives up. Default 3. */
  readonly maxRestarts?: number
  /** Default 5. */
  readonly maxSeconds?: number
  /** Default `never`. */
  readonly autoShutdown?: AutoShutdown
  /** Beyond OTP; none when not given: restarts are immediate. */
  readonly backoff?: Backoff
  /** Beyond OTP; off when not given. */
  readonly quarantine?: Quarantine
  /** Registered for the supervisor itself. */
  readonly name?: string
  readonly children?: readonly ChildSpec[]
}

interface CheckedCommon {
  readonly id: string
  readonly restart: Restart
  readonly shutdown: Shutdown
  readonly significant: boolean
}

/** A worker's spec that has been checked, with its defaults. */
export interface CheckedWorker extends CheckedCommon {
  readonly start: readonly [server: GenServerClass, args?: unknown] | Launcher
  readonly name?: string | ViaName | undefined
  readonly timeout?: number | undefined
}

/** A nested supervisor's spec that has been checked, all the way down. */
export interface CheckedNested extends CheckedCommon {
  readonly supervisor: CheckedSupervisor
}

export type CheckedChild = CheckedWorker | CheckedNested

/** A supervisor's spec that has been checked, with its defaults. */
export interface CheckedSupervisor {
  readonly strategy: Strategy
  readonly maxRestarts: number
  readonly maxSeconds: number
  readonly autoShutdown: AutoShutdown
  readonly backoff?: Backoff | undefined
  readonly quarantine?: Quarantine | undefined
  readonly name?: string | undefined
  readonly children: readonly CheckedChild[]
}

/** As supervisors count it. */
export function kindOf(spec: CheckedChild): 'worker' | 'supervisor' {
  if ('supervisor' in spec) return 'supervisor'
  return 'kind' in spec.start ? spec.start.kind : 'worker'
}

/** What supervisors, and what starts children of other kinds, need of the system that they run in. */
export interface SupervisingWorld extends ServerWorld {
  /** How many threads the machine runs at once. */
  readonly parallelism: number
  newRef(): ProcessRef
  /** A process of this page by its ref. @throws {ExitError} `noproc` */
  processOf(ref: ProcessRef): Process
  /** Gives a new process its place, then begins it, or tells why not. */
  admit(
    process: Process,
    options: LaunchOptions,
    done: (result: StartResult) => void,
    begin: (begun: (result: StartResult) => void) => void,
  ): void
  /** Starts a server that was made already. */
  launchServer(
    server: GenServer,
    kind: 'worker' | 'supervisor',
    options: LaunchOptions,
    done: (result: StartResult) => void,
  ): Process
  /** Starts what a child's spec says, linked to its supervisor. */
  launchChild(supervisor: Process, spec: CheckedChild, done: (result: StartResult) => void): void
  /** Wraps a worker of the platform. */
  openThread(worker: unknown, events: ThreadPortEvents): ThreadPort
}

const launcher: unique symbol = Symbol('launcher')

/** Something that starts processes of its own kind under a supervisor: `worker(…)`, a supervisor of another kind. */
export interface Launcher {
  readonly [launcher]: true
  /** As supervisors count it. */
  readonly kind: 'worker' | 'supervisor'
  /** What it starts, for people. */
  readonly label: string
  launch(system: SupervisingWorld, options: LaunchOptions, done: (result: StartResult) => void): void
}

/** Makes a {@link Launcher}. */
export function makeLauncher(parts: Omit<Launcher, typeof launcher>): Launcher {
  return { ...parts, [launcher]: true }
}

export function isLauncher(given: unknown): given is Launcher {
  return typeof given === 'object' && given !== null && launcher in given
}
