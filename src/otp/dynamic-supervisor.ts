import * as v from 'valibot'
import { checkOptions } from '../errors/index.js'
import type { StopOptions } from './call-options.js'
import { checkDynamicChild, type DynamicChildSpec, intensityOptions } from './child-spec.js'
import { DynamicServer } from './dynamic-server.js'
import type { GivenReason } from './exit.js'
import { type Launcher, makeLauncher } from './launcher.js'
import type { ProcessRef, Target } from './ref.js'
import { ServerProcess } from './server-process.js'
import type { ChildAnswer, ChildCount, ChildInfo } from './supervisor-server.js'
import type { ProcessSystem } from './system.js'

export interface DynamicSupervisorOptions {
  /** Children at once, restarting ones included; no bound when not given. */
  readonly maxChildren?: number
  /** More restarts than this within `maxSeconds`, and it gives up. Default 3. */
  readonly maxRestarts?: number
  /** Default 5. */
  readonly maxSeconds?: number
  /** Registered for the supervisor. */
  readonly name?: string
}

const dynamicOptions = v.strictObject({
  ...intensityOptions,
  maxChildren: v.optional(
    v.pipe(
      v.number('must be a whole number, 0 or more'),
      v.check(
        (count) => count === Number.POSITIVE_INFINITY || Number.isInteger(count),
        'must be a whole number',
      ),
      v.minValue(0, 'must be 0 or more'),
    ),
    Number.POSITIVE_INFINITY,
  ),
  name: v.optional(v.pipe(v.string('must be a string'), v.minLength(1, 'must not be empty'))),
})

/** A dynamic supervisor as the child of a supervisor: `{ id, start: dynamicSupervisor({ name: 'rooms' }) }`. */
export function dynamicSupervisor(options: DynamicSupervisorOptions = {}): Launcher {
  const { name, ...settings } = checkOptions(dynamicOptions, options, 'dynamicSupervisor')
  return makeLauncher({
    kind: 'supervisor',
    label: 'DynamicSupervisor',
    launch: (system, launch, done) =>
      system.launchServer(
        new DynamicServer(system, settings),
        'supervisor',
        { ...launch, name: launch.name ?? name, timeout: Number.POSITIVE_INFINITY },
        done,
      ),
  })
}

/**
 * A supervisor whose children come and go: started on demand, known by their refs, restarted alone,
 * and stopped all at once. Elixir's DynamicSupervisor.
 *
 * @example
 * ```ts
 * const rooms = new DynamicSupervisor({ maxChildren: 100 })
 * const { ref } = await rooms.startChild({ start: [Room, { name: 'lobby' }], restart: 'transient' })
 * ```
 */
export class DynamicSupervisor {
  readonly #system: ProcessSystem
  readonly #target: Target

  /** Starts one, or, given a target, takes hold of one that was started elsewhere, as in a tree. */
  constructor(system: ProcessSystem, options: DynamicSupervisorOptions | { readonly at: Target } = {}) {
    this.#system = system
    if ('at' in options) {
      this.#target = options.at
      return
    }
    const { name, ...settings } = checkOptions(dynamicOptions, options, 'DynamicSupervisor')
    const timeout = Number.POSITIVE_INFINITY
    const server = new DynamicServer(system, settings)
    this.#target = system.launchServer(server, 'supervisor', { name, timeout }, () => {}).ref
  }

  /** Itself, for links, monitors and messages. */
  get ref(): ProcessRef | undefined {
    return this.#system.localProcess(this.#target)?.ref
  }

  /** Starts a child. @throws {InvalidOption} */
  async startChild(spec: DynamicChildSpec): Promise<ChildAnswer> {
    return this.#ask({ op: 'start', spec: checkDynamicChild(spec, 'startChild') })
  }

  /** Stops a child for good. */
  async terminateChild(ref: ProcessRef): Promise<ChildAnswer> {
    return this.#ask({ op: 'terminate', ref })
  }

  children(): ChildInfo[] {
    return this.#server?.children() ?? []
  }

  count(): ChildCount {
    return this.#server?.count() ?? { specs: 0, active: 0, supervisors: 0, workers: 0 }
  }

  /** Stops all children at once, and the supervisor. Does nothing when it has ended. */
  async stop(reason: GivenReason = 'normal', options: StopOptions = {}): Promise<void> {
    if (this.#server === undefined) return
    await this.#system.stop(this.#target, reason, { timeout: Number.POSITIVE_INFINITY, ...options })
  }

  async #ask(request: unknown): Promise<ChildAnswer> {
    return (await this.#system.call(this.#target, request, {
      timeout: Number.POSITIVE_INFINITY,
    })) as ChildAnswer
  }

  get #server(): DynamicServer | undefined {
    const process = this.#system.localProcess(this.#target)
    return process instanceof ServerProcess && process.server instanceof DynamicServer
      ? process.server
      : undefined
  }
}
