import type { ThreadPort, ThreadPortEvents } from '../port.js'

/** Wraps a Web Worker. Its `error` event says neither whether it lives on nor, for a script that is missing, why. */
export function openWebWorker(worker: Worker, events: ThreadPortEvents): ThreadPort {
  worker.onmessage = (event) => events.message(event.data)
  worker.onmessageerror = () => events.unreadable()
  worker.onerror = (event) => {
    const { message } = event
    events.error({
      name: 'Error',
      message: message ? `${message} (${event.filename}:${event.lineno})` : 'the script could not be loaded',
    })
  }
  return {
    post: (message, transfer) => worker.postMessage(message, transfer as Transferable[]),
    terminate() {
      worker.onmessage = null
      worker.onmessageerror = null
      worker.onerror = null
      worker.terminate()
    },
  }
}
