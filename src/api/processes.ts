import { bindProcesses, ProcessSystem, type Supervisor as RunningSupervisor } from '../otp/index.js'
import { type Runtime, systemRuntime } from '../runtime/index.js'
import { openWorker } from '../threads/adapters/worker.js'

let current: ProcessSystem | undefined

/** The processes of this page: those of the mesh that it joined last, or its own where it is in none. */
function currentSystem(): ProcessSystem {
  current ??= openProcessSystem(systemRuntime())
  return current
}

/** A system of processes on this platform's threads. */
export function openProcessSystem(runtime: Runtime): ProcessSystem {
  return new ProcessSystem({ runtime, threads: openWorker })
}

/** Makes `system` the one that names and new processes belong to. Returns the way back. */
export function adoptSystem(system: ProcessSystem): () => void {
  const before = current
  current = system
  return () => {
    if (current === system) current = before
  }
}

const bound = bindProcesses(currentSystem)

export const { start, call, cast, send, reply, stop, exit, monitor, link, unlink, whereis } = bound

/** A running supervisor; `Supervisor.start(spec)` starts one in this page, with or without a mesh. */
export type Supervisor = RunningSupervisor
export const Supervisor = bound.Supervisor
