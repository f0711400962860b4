import type { StopOptions } from './call-options.js'
import { type ChildSpec, checkChild, checkSupervisor, type SupervisorSpec } from './child-spec.js'
import { ExitError, type ExitReason, type GivenReason } from './exit.js'
import type { Process } from './process.js'
import type { ProcessRef } from './ref.js'
import type { ServerProcess } from './server-process.js'
import {
  type ChildAnswer,
  type ChildCount,
  type ChildInfo,
  type SupervisorRequest,
  SupervisorServer,
} from './supervisor-server.js'
import type { ProcessSystem } from './system.js'

/**
 * A running supervisor: starts its children in order, starts them again when they end as their
 * specs say, and gives up when that happens too often. OTP's supervisor.
 *
 * @example
 * ```ts
 * const tree = await Supervisor.start({
 *   strategy: 'rest_for_one',
 *   children: [{ id: 'counter', start: [Counter, { start: 0 }], name: 'counter' }],
 * })
 * tree.children() // [{ id: 'counter', kind: 'worker', state: 'running', restarts: 0, ref }]
 * ```
 */
export class Supervisor {
  readonly ref: ProcessRef
  readonly #system: ProcessSystem
  readonly #process: ServerProcess
  readonly #server: SupervisorServer
  readonly #spec: SupervisorSpec

  private constructor(
    system: ProcessSystem,
    process: ServerProcess,
    server: SupervisorServer,
    spec: SupervisorSpec,
  ) {
    this.ref = process.ref
    this.#system = system
    this.#process = process
    this.#server = server
    this.#spec = spec
  }

  /**
   * Starts a supervisor and all its children; resolves when all have started.
   *
   * @throws {InvalidOption} with the path of the field, before anything is started
   * @throws {ExitError} `shutdown` when a child could not start: those before it have been stopped again
   */
  static async start(system: ProcessSystem, spec: SupervisorSpec, at = 'supervise'): Promise<Supervisor> {
    const checked = checkSupervisor(spec, at)
    const server = new SupervisorServer(system, checked)
    return new Promise((resolve, reject) => {
      system.launchServer(
        server,
        'supervisor',
        { name: checked.name, timeout: Number.POSITIVE_INFINITY },
        (result) => {
          if (result.kind === 'ok')
            resolve(new Supervisor(system, result.process as ServerProcess, server, spec))
          else
            reject(
              new ExitError(
                result.kind === 'failed' ? result.reason : { type: 'normal' },
                'a supervisor did not start',
              ),
            )
        },
      )
    })
  }

  /** The children in the order of their starts. */
  children(): ChildInfo[] {
    return this.#process.alive ? this.#server.children() : []
  }

  /** How many children there are: specs, those with a process, supervisors and workers. */
  count(): ChildCount {
    return this.#process.alive ? this.#server.count() : { specs: 0, active: 0, supervisors: 0, workers: 0 }
  }

  /** Adds a child and starts it. @throws {InvalidOption} */
  async startChild(spec: ChildSpec): Promise<ChildAnswer> {
    return this.#ask({
      op: 'start',
      spec: checkChild(spec, 'startChild', this.#spec.autoShutdown ?? 'never'),
    })
  }

  /** Stops a child and keeps its spec; a temporary one is forgotten. */
  async terminateChild(id: string): Promise<ChildAnswer> {
    return this.#ask({ op: 'terminate', id })
  }

  /** Starts a stopped child again. */
  async restartChild(id: string): Promise<ChildAnswer> {
    return this.#ask({ op: 'restart', id })
  }

  /** Forgets a stopped child. */
  async deleteChild(id: string): Promise<ChildAnswer> {
    return this.#ask({ op: 'delete', id })
  }

  /** Stops all children, last one first, and the supervisor. Does nothing when it has ended. */
  async stop(reason: GivenReason = 'normal', options: StopOptions = {}): Promise<void> {
    if (!this.#process.alive) return
    await this.#system.stop(this.ref, reason, { timeout: Number.POSITIVE_INFINITY, ...options })
  }

  /** Calls `listener` once when the supervisor ends, with the reason. Returns the way back. */
  onExit(listener: (reason: ExitReason) => void): () => void {
    return this.#process.monitor(listener)
  }

  /** The process itself, for those who build trees. */
  get process(): Process {
    return this.#process
  }

  async #ask(request: SupervisorRequest): Promise<ChildAnswer> {
    // Stops of children take as long as their specs allow, so the wait is theirs to bound.
    return (await this.#system.call(this.ref, request, { timeout: Number.POSITIVE_INFINITY })) as ChildAnswer
  }
}
