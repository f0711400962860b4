import type { InnerPort } from '../port.js'

/** The parts of a dedicated worker's global scope that are used here. */
interface WorkerScope {
  postMessage(message: unknown, transfer: Transferable[]): void
  close(): void
  addEventListener(type: string, listener: (event: Event) => void): void
}

/**
 * The way out of the thread that this code runs in: a Web Worker or a worker of Node.
 *
 * @throws {Error} outside of a worker
 */
export function innerPort(): InnerPort {
  // A static import of node:worker_threads would break the bundle of every Web Worker.
  const node = globalThis.process?.getBuiltinModule?.('node:worker_threads')
  if (node?.parentPort) {
    const port = node.parentPort
    return {
      post: (message, transfer) => port.postMessage(message, transfer as never),
      listen(events) {
        port.on('message', (data: unknown) => events.message(data))
        port.on('messageerror', (error) => events.fault('unclonable', error))
        // Without a listener Node turns a rejection into an uncaught error, and its name would be lost.
        process.on('unhandledRejection', (reason) => events.fault('rejection', reason))
      },
    }
  }
  const scope = globalThis as unknown as WorkerScope
  if (
    typeof scope.close !== 'function' ||
    'document' in globalThis ||
    typeof scope.postMessage !== 'function'
  ) {
    throw new Error('expose belongs into the script of a worker')
  }
  return {
    post: (message, transfer) => scope.postMessage(message, transfer as Transferable[]),
    listen(events) {
      scope.addEventListener('message', (event) => events.message((event as MessageEvent).data))
      scope.addEventListener('messageerror', () =>
        events.fault('unclonable', new Error('a message could not be read')),
      )
      scope.addEventListener('error', (event) => {
        const { error, message } = event as ErrorEvent
        events.fault('uncaught', error ?? new Error(message))
      })
      scope.addEventListener('unhandledrejection', (event) =>
        events.fault('rejection', (event as PromiseRejectionEvent).reason),
      )
      // The platform tells nobody that a worker closed itself.
      const close = scope.close.bind(scope)
      scope.close = () => {
        events.fault('closed', new Error('the thread closed itself'))
        close()
      }
    },
  }
}
