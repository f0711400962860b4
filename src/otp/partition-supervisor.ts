import * as v from 'valibot'
import { checkOptions } from '../errors/index.js'
import { checkSupervisor, childStart, intensityOptions, strategy } from './check-child.js'
import type { Launcher, Strategy, SupervisingWorld, WorkerSpec } from './child-spec.js'
import type { ProcessRef, Target, Via } from './ref.js'
import { SupervisorHandle, supervisorLauncher, targetOf, type Unstarted } from './supervisor-handle.js'
import { SupervisorServer } from './supervisor-server.js'
import type { ProcessSystem } from './system.js'

/** What a {@link PartitionSupervisor} runs, and how often. */
export interface PartitionSupervisorOptions {
  /** What each partition runs: a class and its arguments, or a launcher. */
  readonly start: WorkerSpec['start']
  /** How many; the number of the machine's threads when not given. */
  readonly partitions?: number
  /** Makes the arguments of one partition, numbered from 0, out of those in `start`. */
  readonly withArguments?: (args: unknown, partition: number) => unknown
  /** Which partitions are restarted with one that ended. Default `one_for_one`: that one alone. */
  readonly strategy?: Strategy
  /** Default 3. */
  readonly maxRestarts?: number
  /** Default 5. */
  readonly maxSeconds?: number
  /** Registered for the supervisor. */
  readonly name?: string
}

const partitionOptions = v.strictObject({
  ...intensityOptions,
  strategy,
  start: childStart,
  partitions: v.optional(
    v.pipe(
      v.number('must be a whole number above 0'),
      v.integer('must be a whole number above 0'),
      v.minValue(1, 'must be a whole number above 0'),
      v.maxValue(10_000, 'must be at most 10,000'),
    ),
  ),
  withArguments: v.optional(
    v.custom<(args: unknown, partition: number) => unknown>(
      (given) => typeof given === 'function',
      'must be a function of the arguments and the number of the partition',
    ),
  ),
  name: v.optional(v.pipe(v.string('must be a string'), v.minLength(1, 'must not be empty'))),
})

function partitionServer(system: SupervisingWorld, options: unknown, at: string): Unstarted {
  const {
    start,
    partitions = system.parallelism,
    withArguments,
    name,
    ...rest
  } = checkOptions(partitionOptions, options, at)
  const children = Array.from({ length: partitions }, (_, partition) => {
    if (withArguments === undefined || !Array.isArray(start)) return { id: String(partition), start }
    return { id: String(partition), start: [start[0], withArguments(start[1], partition)] }
  })
  return { server: new SupervisorServer(system, checkSupervisor({ ...rest, children }, at)), name }
}

/** A partition supervisor as the child of a supervisor. */
export function partitionSupervisor(options: PartitionSupervisorOptions): Launcher {
  checkOptions(partitionOptions, options, 'partitionSupervisor')
  return supervisorLauncher('PartitionSupervisor', (system) =>
    partitionServer(system, options, 'partitionSupervisor'),
  )
}

/**
 * Runs the same child many times over, so that what would all queue before one process is spread
 * by key. Elixir's PartitionSupervisor.
 *
 * @example
 * ```ts
 * const counters = new PartitionSupervisor({ start: [Counter, { start: 0 }], partitions: 4 })
 * await call(counters.via('ada'), 'inc')
 * ```
 */
export class PartitionSupervisor extends SupervisorHandle {
  /** Starts one, or, given a target, takes hold of one that was started elsewhere, as in a tree. */
  constructor(system: ProcessSystem, options: PartitionSupervisorOptions | { readonly at: Target }) {
    super(system, targetOf(system, options, 'PartitionSupervisor', partitionServer))
  }

  /** How many partitions there are. */
  get partitions(): number {
    return this.count().specs
  }

  /**
   * The process that serves `key` now: a whole number modulo the partitions, anything else by its
   * hash. Its ref is good until it is restarted: for more than one message take {@link via}.
   *
   * @returns undefined while that partition is being restarted
   */
  at(key: string | number): ProcessRef | undefined {
    const children = this.children()
    return children[partitionOf(key, children.length)]?.ref
  }

  /** Where to send what is for `key`: its partition is looked for anew with each message. Elixir's `{:via, PartitionSupervisor, {name, key}}`. */
  via(key: string | number): Via {
    return { whereis: () => this.at(key) }
  }
}

/** FNV-1a over the characters' codes: short, even, and the same everywhere (Fowler, Noll and Vo). */
function partitionOf(key: string | number, partitions: number): number {
  if (typeof key === 'number' && Number.isSafeInteger(key)) return Math.abs(key) % partitions
  let hash = 0x811c9dc5
  for (const character of String(key)) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193)
  }
  return (hash >>> 0) % partitions
}
