import type { Transferable as NodeTransferable, Worker } from 'node:worker_threads'
import { plainError } from '../plain-error.js'
import type { ThreadPort, ThreadPortEvents } from '../port.js'

/** Wraps a worker of Node's `worker_threads`. */
export function openNodeWorker(worker: Worker, events: ThreadPortEvents): ThreadPort {
  let open = true
  worker.on('message', (data: unknown) => {
    if (open) events.message(data)
  })
  worker.on('messageerror', () => {
    if (open) events.unreadable()
  })
  // The listener stays after the end: an error event with no listener would end the whole program.
  worker.on('error', (error: unknown) => {
    if (open) events.error(plainError(error))
  })
  worker.on('exit', () => {
    if (open) events.gone()
  })
  return {
    post: (message, transfer) => worker.postMessage(message, transfer as readonly NodeTransferable[]),
    terminate() {
      if (!open) return
      open = false
      void worker.terminate()
    },
  }
}
