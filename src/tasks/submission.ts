import type { RingmeshError } from '../errors/index.js'
import type { Timer } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import type { Payload } from './payload.js'
import type { Queueable, TaskPriority } from './priority-queue.js'
import type { Slot } from './slot.js'
import type { Thrown } from './thrown.js'

/** How a task ended for the one who submitted it: once, with a result or with a clear failure. */
export type Settled =
  | { readonly kind: 'done'; readonly output: Payload; readonly peer: PeerId; readonly attempts: number }
  | { readonly kind: 'failed'; readonly error: RingmeshError }

export interface SubmissionOptions {
  readonly name: string
  readonly input: Payload
  readonly priority: TaskPriority
  /** The handler's id for it; undefined: made of the coordinator's id and the number. */
  readonly id?: string | undefined
  readonly epoch?: number
  /** Attempts in all. */
  readonly attempts: number
  /** Milliseconds from now; undefined: without an end of its own. */
  readonly timeout: number | undefined
  readonly onProgress?: ((value: unknown) => void) | undefined
  /** Its end is recorded in the sharded state, a dead letter too. */
  readonly durable?: boolean
  /** Called exactly once, and never before `submit` returned. */
  settle(how: Settled): void
}

/** A task from its submission to its end, at its coordinator. */
export interface Submission extends Queueable {
  readonly number: number
  readonly id: string
  readonly epoch: number
  readonly name: string
  readonly input: Payload
  readonly attempts: number
  readonly onProgress: ((value: unknown) => void) | undefined
  readonly durable: boolean
  readonly settle: (how: Settled) => void
  /** Assignments so far: the second half of the fence. */
  attempt: number
  /** Assignments so far that may have been run. */
  run: number
  /** Runs that failed or were lost. */
  failures: number
  /** What the last one threw. */
  lastThrown: Thrown | undefined
  /** Who had it last: the next attempt goes elsewhere if it can. */
  lastPeer: PeerId | undefined
  placement: Placement | undefined
  /** Waiting for its next attempt. */
  backoff: Timer | undefined
  deadline: Timer | undefined
  readonly size: number
}

/** One assignment that a worker has not given an answer to. */
export interface Placement {
  readonly submission: Submission
  readonly slot: Slot
  readonly attempt: number
  /** When the task is taken back, unless renewed; on the runtime's clock. */
  expires: number
  /** Nobody wants the result; the worker's answer is awaited for its credit alone. */
  abandoned: boolean
}

/** A task that was just submitted at the peer `self`, as its `number`th. */
export function newSubmission(self: PeerId, number: number, options: SubmissionOptions): Submission {
  return {
    number,
    id: options.id ?? `${self}.${number}`,
    epoch: options.epoch ?? 0,
    name: options.name,
    input: options.input,
    priority: options.priority,
    attempts: options.attempts,
    onProgress: options.onProgress,
    durable: options.durable ?? false,
    settle: options.settle,
    queued: false,
    attempt: 0,
    run: 0,
    failures: 0,
    lastThrown: undefined,
    lastPeer: undefined,
    placement: undefined,
    backoff: undefined,
    deadline: undefined,
    size: options.input.size,
  }
}
