import { checkNames } from '../errors/index.js'
import type { StopOptions } from './call-options.js'
import { type ChildAnswer, type ChildCount, type ChildInfo, countOf } from './child-info.js'
import { type Launcher, makeLauncher, type SupervisingWorld } from './child-spec.js'
import type { ExitReason, GivenReason } from './exit.js'
import type { Process } from './process.js'
import type { ProcessRef, Target } from './ref.js'
import { ServerProcess } from './server-process.js'
import { SupervisingServer } from './supervising-server.js'
import type { ProcessSystem } from './system.js'

/** A supervisor's server that was made and has not started, and the name it is to have. */
export interface Unstarted {
  readonly server: SupervisingServer
  readonly name: string | undefined
}

/** A supervisor as its users hold it: by its process, or by what names it in a tree. */
export abstract class SupervisorHandle {
  protected readonly system: ProcessSystem
  protected readonly target: Target

  constructor(system: ProcessSystem, target: Target) {
    this.system = system
    this.target = target
  }

  /** Itself, for links, monitors and messages; undefined while it does not run. */
  get ref(): ProcessRef | undefined {
    return this.process?.ref
  }

  /** The children, in the order of their starts; none when it has ended. */
  children(): ChildInfo[] {
    const { process } = this
    return process instanceof ServerProcess && process.server instanceof SupervisingServer
      ? process.server.children()
      : []
  }

  /** How many children there are: specs, those with a process, supervisors and workers. */
  count(): ChildCount {
    return countOf(this.children(), (ref) => this.system.alive(ref))
  }

  /** Stops all children and the supervisor. Does nothing when it has ended. */
  async stop(reason: GivenReason = 'normal', options: StopOptions = {}): Promise<void> {
    if (this.process === undefined) return
    await this.system.stop(this.target, reason, { timeout: Number.POSITIVE_INFINITY, ...options })
  }

  /** Calls `listener` once when the supervisor ends, with the reason. Returns the way back. */
  onExit(listener: (reason: ExitReason) => void): () => void {
    return this.system.monitor(this.target, listener)
  }

  /** The process itself, where it is of this page. */
  get process(): Process | undefined {
    const process = this.system.localProcess(this.target)
    return process?.alive ? process : undefined
  }

  protected async ask(request: unknown): Promise<ChildAnswer> {
    // Stops of children take as long as their specs allow, so the wait is theirs to bound.
    const timeout = Number.POSITIVE_INFINITY
    return (await this.system.call(this.target, request, { timeout })) as ChildAnswer
  }
}

/**
 * Where a supervisor is: elsewhere, where `options` say that it was started there, or here, as one of no
 * parent that is started now. It is there at once, its children follow.
 *
 * @throws {InvalidOption} for another option beside `at`, or as `make` does
 */
export function targetOf<Options extends object>(
  system: ProcessSystem,
  options: Options | { readonly at: Target },
  label: string,
  make: (system: ProcessSystem, options: Options, label: string) => Unstarted,
): Target {
  if (typeof options === 'object' && options !== null && 'at' in options) {
    checkNames(options, ['at'], label)
    return options.at
  }
  const { server, name } = make(system, options, label)
  const timeout = Number.POSITIVE_INFINITY
  const { ref } = system.launchServer(server, 'supervisor', { name, timeout }, (result) => {
    if (result.kind === 'failed')
      system.runtime.log('error', `${label} did not start`, { reason: result.reason })
  })
  return ref
}

/** A supervisor as the child of another one. */
export function supervisorLauncher(label: string, make: (system: SupervisingWorld) => Unstarted): Launcher {
  return makeLauncher({
    kind: 'supervisor',
    label,
    launch(system, launch, done) {
      const { server, name } = make(system)
      const timeout = Number.POSITIVE_INFINITY
      system.launchServer(server, 'supervisor', { ...launch, name: launch.name ?? name, timeout }, done)
    },
  })
}
