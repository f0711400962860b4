import * as v from 'valibot'
import { checkOptions } from '../errors/index.js'
import { checkDynamicChild, countFrom, intensityOptions } from './check-child.js'
import type { ChildAnswer } from './child-info.js'
import type { DynamicChildSpec, Launcher, SupervisingWorld } from './child-spec.js'
import { DynamicServer } from './dynamic-server.js'
import type { ProcessRef, Target } from './ref.js'
import { SupervisorHandle, supervisorLauncher, targetOf, type Unstarted } from './supervisor-handle.js'
import type { ProcessSystem } from './system.js'

/** What a {@link DynamicSupervisor} and a {@link TaskSupervisor} may be told. */
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
  maxChildren: v.optional(countFrom(0), Number.POSITIVE_INFINITY),
  name: v.optional(v.pipe(v.string('must be a string'), v.minLength(1, 'must not be empty'))),
})

function dynamicServer(system: SupervisingWorld, options: unknown, at: string): Unstarted {
  const { name, ...settings } = checkOptions(dynamicOptions, options, at)
  return { server: new DynamicServer(system, settings), name }
}

/** A dynamic supervisor as the child of a supervisor: `{ id, start: dynamicSupervisor({ name: 'rooms' }) }`. */
export function dynamicSupervisor(options: DynamicSupervisorOptions = {}): Launcher {
  checkOptions(dynamicOptions, options, 'dynamicSupervisor')
  return supervisorLauncher('DynamicSupervisor', (system) =>
    dynamicServer(system, options, 'dynamicSupervisor'),
  )
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
export class DynamicSupervisor extends SupervisorHandle {
  /** Starts one, or, given a target, takes hold of one that was started elsewhere, as in a tree. */
  constructor(
    system: ProcessSystem,
    options: DynamicSupervisorOptions | { readonly at: Target } = {},
    label = 'DynamicSupervisor',
  ) {
    super(system, targetOf(system, options, label, dynamicServer))
  }

  /** Starts a child: a process, or a supervisor with children of its own. @throws {InvalidOption} */
  async startChild(spec: DynamicChildSpec): Promise<ChildAnswer> {
    return this.ask({ op: 'start', spec: checkDynamicChild(spec, 'startChild') })
  }

  /** Stops a child for good. */
  async terminateChild(ref: ProcessRef): Promise<ChildAnswer> {
    return this.ask({ op: 'terminate', ref })
  }
}
