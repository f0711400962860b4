/**
 * The entry `ringmesh/worker`: for the script of a Web Worker or of a worker of Node's.
 *
 * @example
 * ```ts
 * import { expose, GenServer } from 'ringmesh/worker'
 *
 * expose(class Parser extends GenServer {
 *   handleCall(text) { return parse(text) }
 * })
 * ```
 *
 * Or task functions, for `mesh.tasks.defineInWorker`:
 *
 * @example
 * ```ts
 * import { expose } from 'ringmesh/worker'
 *
 * expose({ render: (tile, { signal, progress }) => draw(tile) })
 * ```
 *
 * @module
 */
import { exposeServer, type GenServerClass } from './otp/index.js'
import { systemRuntime } from './runtime/index.js'
import { exposeTasks, type TaskFunctions } from './tasks/index.js'
import { innerPort } from './threads/adapters/inner-port.js'

export { type From, GenServer, IGNORE, NO_REPLY } from './otp/index.js'

export type { TaskContext, TaskFunctions } from './tasks/index.js'
export { transfer } from './threads/index.js'

/**
 * Serves from this thread, to the page that started it: a GenServer, as the process of a
 * `worker(…)`; or an object of task functions, to the pool of a `defineInWorker`. Call it once, when
 * everything that is needed is there: the page waits for it. Large parts of a result are moved
 * instead of copied where it is returned as `transfer(result, [buffer])`.
 *
 * @throws {Error} outside of a worker
 */
export function expose(what: GenServerClass | TaskFunctions): void {
  if (typeof what === 'function') exposeServer(what, { port: innerPort(), runtime: systemRuntime() })
  else exposeTasks(what, { port: innerPort() })
}
