import { checkChild, checkSupervisor } from './check-child.js'
import type { ChildAnswer } from './child-info.js'
import type { AutoShutdown, ChildSpec, SupervisorSpec } from './child-spec.js'
import { ExitError } from './exit.js'
import type { ProcessRef } from './ref.js'
import { SupervisorHandle } from './supervisor-handle.js'
import { type SupervisorRequest, SupervisorServer } from './supervisor-server.js'
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
export class Supervisor extends SupervisorHandle {
  readonly #ref: ProcessRef
  readonly #autoShutdown: AutoShutdown

  private constructor(system: ProcessSystem, ref: ProcessRef, autoShutdown: AutoShutdown) {
    super(system, ref)
    this.#ref = ref
    this.#autoShutdown = autoShutdown
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
    const options = { name: checked.name, timeout: Number.POSITIVE_INFINITY }
    return new Promise((resolve, reject) => {
      system.launchServer(server, 'supervisor', options, (result) => {
        if (result.kind === 'ok') resolve(new Supervisor(system, result.process.ref, checked.autoShutdown))
        else
          reject(
            new ExitError(
              result.kind === 'failed' ? result.reason : { type: 'normal' },
              'a supervisor did not start',
            ),
          )
      })
    })
  }

  /** Itself, also after it has ended. */
  override get ref(): ProcessRef {
    return this.#ref
  }

  /** Adds a child and starts it. @throws {InvalidOption} */
  async startChild(spec: ChildSpec): Promise<ChildAnswer> {
    return this.#request({ op: 'start', spec: checkChild(spec, 'startChild', this.#autoShutdown) })
  }

  /** Stops a child and keeps its spec; a temporary one is forgotten. */
  async terminateChild(id: string): Promise<ChildAnswer> {
    return this.#request({ op: 'terminate', id })
  }

  /** Starts a stopped child again. */
  async restartChild(id: string): Promise<ChildAnswer> {
    return this.#request({ op: 'restart', id })
  }

  /** Forgets a stopped child. */
  async deleteChild(id: string): Promise<ChildAnswer> {
    return this.#request({ op: 'delete', id })
  }

  #request(request: SupervisorRequest): Promise<ChildAnswer> {
    return this.ask(request)
  }
}
