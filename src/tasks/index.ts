/** Tasks: named work, shared round-robin by the peers that defined it, with one recorded result each. */

export type { CoordinatorStats } from './coordinator.js'
export type { DeadLetter } from './dead-letters.js'
export type { EnqueuedTask } from './durable.js'
export type { DurableCounts } from './durable-queue.js'
export { type DurableRecords, mergeTaskRecords } from './durable-record.js'
export { Aborted, Busy, NoWorkers, TaskFailed, Timeout } from './errors.js'
export { exposeTasks, type TaskFunctions } from './expose.js'
export type {
  DefineOptions,
  EnqueueOptions,
  MapOptions,
  ResultOptions,
  RunOptions,
  WorkerDefineOptions,
} from './options.js'
export type { TaskPriority } from './priority-queue.js'
export type { TaskContext, TaskHandler } from './runner.js'
export { type PoolPlatform, TaskService, type TaskServiceOptions, type TaskStats } from './service.js'
export type { MapResult } from './task-map.js'
export type { Thrown } from './thrown.js'
