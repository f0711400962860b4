/** Threads that are watched: Web Workers and `worker_threads` behind one interface, with exits that have a name. */
export { plainError } from './plain-error.js'
export type {
  InnerPort,
  OpenThread,
  PlainError,
  ThreadExit,
  ThreadExitKind,
  ThreadPort,
  ThreadPortEvents,
} from './port.js'
export { serve, type ThreadHome, type ThreadService } from './serve.js'
export {
  type Heartbeat,
  Thread,
  type ThreadEvents,
  type ThreadOptions,
  type ThreadOutcome,
} from './thread.js'
export { transfer, transferred } from './transfer.js'
