import {
  bindProcesses,
  ProcessSystem,
  type DynamicSupervisor as RunningDynamicSupervisor,
  type PartitionSupervisor as RunningPartitionSupervisor,
  type Registry as RunningRegistry,
  type Supervisor as RunningSupervisor,
  type TaskSupervisor as RunningTaskSupervisor,
} from '../otp/index.js'
import { systemRuntime } from '../runtime/index.js'
import { openWorker } from '../threads/adapters/worker.js'

/** Those of the meshes that this page is in, in the order in which it joined them. */
let joined: readonly ProcessSystem[] = []
let own: ProcessSystem | undefined

/** The processes of this page: those of the mesh that it joined last, or its own where it is in none. */
function currentSystem(): ProcessSystem {
  const last = joined.at(-1)
  if (last !== undefined) return last
  own ??= new ProcessSystem({ runtime: systemRuntime(), threads: openWorker })
  return own
}

/** Makes `system` the one that names and new processes belong to. Returns the way back. */
export function adoptSystem(system: ProcessSystem): () => void {
  joined = [...joined, system]
  return () => {
    joined = joined.filter((each) => each !== system)
  }
}

const bound = bindProcesses(currentSystem)

/**
 * Starts a process of this page; resolves when its `init` is done and every peer knows its name.
 *
 * @param server - a class that extends `GenServer`, or `worker(…)`
 * @throws {InvalidOption}
 * @throws {ExitError} with what `init` threw, `timeout` (after 5,000 ms unless told otherwise),
 * `already_started` when the name is taken, or `normal` when `init` returned `IGNORE`
 *
 * @example
 * ```ts
 * const ref = await start(Counter, { args: { start: 1 }, name: 'counter' })
 * ```
 */
export const start = bound.start

/**
 * Asks a process and waits for its answer, on whichever peer it runs.
 *
 * @param target - a ref, a placed ref, a name, or a via
 * @throws {InvalidOption}
 * @throws {ExitError} at once when the process or its peer ends, `noproc` where there is none, `timeout` after
 * 5,000 ms unless told otherwise, `calling_self`
 */
export const call = bound.call

/** Tells a process something, for its `handleCast`. In silence also where there is none. @throws {InvalidOption} */
export const cast = bound.cast

/** Puts a message into a process's mailbox, for its `handleInfo`; as {@link cast} otherwise. */
export const send = bound.send

/** Answers a call whose `handleCall` returned `NO_REPLY`; `from` is what that got, or a copy. Only the first answer counts. */
export const reply = bound.reply

/**
 * Has a process run `terminate` and end, after the messages that wait already; resolves when it has ended.
 *
 * @throws {InvalidOption}
 * @throws {ExitError} `noproc`; `timeout` after 5,000 ms unless told otherwise; the reason when it ended with another one
 */
export const stop = bound.stop

/**
 * Sends an exit signal, as `Process.exit/2`: `killed` cannot be trapped; `normal` is ignored by those that do not trap.
 */
export const exit = bound.exit

/** Calls `down` once with the reason when a process ends, soon if it has already. Returns the way back. */
export const monitor = bound.monitor

/** Ties the fates of two processes, of which one is of this page: when one ends abnormally so does the other, unless it traps exits. */
export const link = bound.link

/** Takes a link back. */
export const unlink = bound.unlink

/** The process that a name is registered for, anywhere in the mesh; undefined where there is none. */
export const whereis = bound.whereis

/** A running supervisor; `Supervisor.start(spec)` starts one in this page, with or without a mesh. */
export type Supervisor = RunningSupervisor
export const Supervisor = bound.Supervisor

/** A supervisor of children that are started one by one, as Elixir's. */
export type DynamicSupervisor = RunningDynamicSupervisor
export const DynamicSupervisor = bound.DynamicSupervisor

/** Several copies of one child, with messages routed by key, as Elixir's. */
export type PartitionSupervisor = RunningPartitionSupervisor
export const PartitionSupervisor = bound.PartitionSupervisor

/** Supervised tasks as Elixir's `Task.Supervisor`: async, without a link, and streams. */
export type TaskSupervisor = RunningTaskSupervisor
export const TaskSupervisor = bound.TaskSupervisor

/** Processes of the page by keys, unique or duplicate, as Elixir's `Registry`. */
export type Registry<Key = string, Value = unknown> = RunningRegistry<Key, Value>
export const Registry = bound.Registry
