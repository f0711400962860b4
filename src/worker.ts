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
 * @module
 */
import { exposeServer, type GenServerClass } from './otp/index.js'
import { systemRuntime } from './runtime/index.js'
import { innerPort } from './threads/adapters/inner-port.js'

export { type From, GenServer, IGNORE, NO_REPLY } from './otp/index.js'

/**
 * Serves a GenServer from this thread: the process of the `worker(…)` that started it. Call it once,
 * when everything that the class needs is there: the supervisor waits for it.
 *
 * @throws {Error} outside of a worker
 */
export function expose(Class: GenServerClass): void {
  exposeServer(Class, { port: innerPort(), runtime: systemRuntime() })
}
