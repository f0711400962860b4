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

export const { start, call, cast, send, reply, stop, exit, monitor, link, unlink, whereis } = bound

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
