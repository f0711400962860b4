import type { Worker as NodeWorker } from 'node:worker_threads'
import type { ThreadPort, ThreadPortEvents } from '../port.js'
import { openNodeWorker } from './node-worker.js'
import { openWebWorker } from './web-worker.js'

/** Wraps whichever worker the page's factory made. Neither adapter imports anything of its platform. */
export function openWorker(worker: unknown, events: ThreadPortEvents): ThreadPort {
  return typeof (worker as Partial<NodeWorker>).on === 'function'
    ? openNodeWorker(worker as NodeWorker, events)
    : openWebWorker(worker as Worker, events)
}
