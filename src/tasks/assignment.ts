import type { Payload } from './payload.js'
import type { TaskPriority } from './priority-queue.js'
import type { Thrown } from './thrown.js'

/** A task as its coordinator hands it out. */
export interface Assignment {
  readonly task: number
  readonly attempt: number
  readonly epoch: number
  readonly id: string
  readonly name: string
  readonly priority: TaskPriority
  readonly run: number
  readonly progress: boolean
  readonly input: Payload
}

export type ReturnReason = 'unknown' | 'busy' | 'parked' | 'leaving' | 'aborted' | 'stale'

/** What a worker tells the coordinator of an assignment. */
export type Report =
  | { kind: 'done'; task: number; attempt: number; credit: number; took: number; output: Payload }
  | { kind: 'failed'; task: number; attempt: number; credit: number; took: number; thrown: Thrown }
  | { kind: 'returned'; task: number; attempt: number; credit: number; reason: ReturnReason }
  | { kind: 'progress'; task: number; attempt: number; value: Payload }
