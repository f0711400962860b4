import { RingmeshError } from '../errors/index.js'
import type { Thrown } from './thrown.js'

/** No peer that may take work has defined the task, and none came within the wait for one. */
export class NoWorkers extends RingmeshError {
  /** The task that nobody defined. */
  readonly task: string

  constructor(task: string, waited: number) {
    super('NoWorkers', `no peer defined the task ${JSON.stringify(task)} within ${waited} ms`)
    this.task = task
  }
}

/** A queue is at its bound, so the task was not taken. Nothing of it is left behind. */
export class Busy extends RingmeshError {
  /** Milliseconds after which there should be room, by the pace of the last results. */
  readonly retryAfter: number

  constructor(what: string, retryAfter: number) {
    super('Busy', `${what}; try again in ${retryAfter} ms`)
    this.retryAfter = retryAfter
  }
}

/**
 * The task failed on every attempt. What its last attempt threw is in `remote`, and as far as it
 * was an error, once more as `cause`, so that a console shows the remote stack.
 *
 * @example
 * ```ts
 * await mesh.tasks.run('parse', text).catch((error) => {
 *   if (error.name === 'TaskFailed') console.error(error.remote.name, error.remote.message)
 * })
 * ```
 */
export class TaskFailed extends RingmeshError {
  readonly task: string
  /** Name, message, stack and cause of what was thrown, wherever it was thrown. */
  readonly remote: Thrown
  /** The peer that ran the last attempt; undefined where none could be run at all. */
  readonly peer: string | undefined
  /** How many attempts were made. */
  readonly attempts: number

  constructor(task: string, remote: Thrown, attempts: number, peer: string | undefined) {
    super('TaskFailed', `the task ${JSON.stringify(task)} failed: ${remote.name}: ${remote.message}`, {
      cause: errorOf(remote),
    })
    this.task = task
    this.remote = remote
    this.attempts = attempts
    this.peer = peer
  }
}

/** The caller's signal fired, or the service closed, before there was a result. `cause` is the signal's reason. */
export class Aborted extends RingmeshError {
  constructor(message: string, cause?: unknown) {
    super('Aborted', message, cause === undefined ? undefined : { cause })
  }
}

/** There was no result in time. Whether the task ran, or runs to its end, is unknown. */
export class Timeout extends RingmeshError {
  /** The time that was given, in milliseconds. */
  readonly timeout: number

  constructor(what: string, timeout: number) {
    super('Timeout', `${what} had no result within ${timeout} ms`)
    this.timeout = timeout
  }
}

/** Builds an `Error` that prints as the remote one did. */
function errorOf(thrown: Thrown): Error {
  const error = new Error(
    thrown.message,
    thrown.cause === undefined ? undefined : { cause: errorOf(thrown.cause) },
  )
  error.name = thrown.name
  if (thrown.stack !== '') error.stack = thrown.stack
  return error
}
