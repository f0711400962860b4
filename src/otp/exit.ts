import { RingmeshError } from '../errors/index.js'
import { plainError, type ThreadExitKind } from '../threads/index.js'
import type { ProcessRef } from './ref.js'

/**
 * Why a process ended, or a call to one failed; OTP's exit reasons, as plain data that travels.
 *
 * - `normal`, `shutdown`: meant to be. A transient child is not restarted after them.
 * - `killed`: killed with no chance to say anything.
 * - `noproc`: there is no such process. `nodedown`: its peer is gone.
 * - `timeout`: no answer, or no start, in time.
 * - `calling_self`: a process called itself, which could never be answered.
 * - `already_started`: the name is taken, by `ref`.
 * - `error`: something was thrown, or a value was given as a reason. `thread` says how a worker's
 *   thread ended, where that was the cause.
 */
export type ExitReason =
  | { readonly type: 'normal' }
  | { readonly type: 'shutdown'; readonly detail?: unknown }
  | { readonly type: 'killed' }
  | { readonly type: 'noproc' }
  | { readonly type: 'nodedown'; readonly peer: string }
  | { readonly type: 'timeout'; readonly after: number }
  | { readonly type: 'calling_self' }
  | { readonly type: 'already_started'; readonly ref: ProcessRef }
  | {
      readonly type: 'error'
      readonly name: string
      readonly message: string
      readonly stack?: string
      readonly thread?: ThreadExitKind
      readonly value?: unknown
    }

/**
 * What may be given as a reason: a reason, its type where that says all, an error, or any other value.
 * `kill`, OTP's word for the signal, means `killed`.
 */
export type GivenReason = ExitReason | 'normal' | 'shutdown' | 'kill' | 'killed' | Error | unknown

export const normal: ExitReason = { type: 'normal' }
export const shutdown: ExitReason = { type: 'shutdown' }
export const killed: ExitReason = { type: 'killed' }
export const noproc: ExitReason = { type: 'noproc' }

/**
 * A process ended, or could not be asked. Thrown inside a handler it ends that process with the
 * same reason, as `exit/1` does in Elixir.
 */
export class ExitError extends RingmeshError {
  readonly reason: ExitReason

  constructor(reason: ExitReason, doing?: string) {
    super('ExitError', doing === undefined ? explain(reason) : `${doing}: ${explain(reason)}`)
    this.reason = reason
  }
}

/** Makes a reason of whatever a caller gave as one. */
export function toReason(given: GivenReason): ExitReason {
  if (given === 'normal') return normal
  if (given === 'shutdown') return shutdown
  if (given === 'kill' || given === 'killed') return killed
  if (given instanceof ExitError) return given.reason
  if (given instanceof Error) return { type: 'error', ...plainError(given) }
  if (isReason(given)) return given
  return { type: 'error', name: 'Exit', message: plainError(given).message, value: given }
}

/**
 * The reason that a process ends with when a handler threw `thrown`. An {@link ExitError} passes its
 * reason on; only `normal` becomes an error, as a crash must not look like a proper end.
 */
export function reasonOfThrow(thrown: unknown): ExitReason {
  if (isExitError(thrown) && thrown.reason.type !== 'normal') return thrown.reason
  return { type: 'error', ...plainError(thrown) }
}

/** Whether a process ended with the reason that it was given; of errors the stack does not matter. */
export function isSame(a: ExitReason, b: ExitReason): boolean {
  if (a.type === 'error' && b.type === 'error') return a.name === b.name && a.message === b.message
  return a.type === b.type
}

/** Whether a transient process that ended so shall be started again. */
export function isAbnormal(reason: ExitReason): boolean {
  return reason.type !== 'normal' && reason.type !== 'shutdown'
}

function isExitError(thrown: unknown): thrown is ExitError {
  return (
    thrown instanceof ExitError ||
    (thrown instanceof Error && thrown.name === 'ExitError' && isReason((thrown as ExitError).reason))
  )
}

/** Whether it has all that its type stands for, of which texts are made: it may be another peer's word. */
function isReason(given: unknown): given is ExitReason {
  if (typeof given !== 'object' || given === null) return false
  const { type, peer, after, ref, name, message } = given as Readonly<Record<string, unknown>>
  switch (type) {
    case 'nodedown':
      return typeof peer === 'string'
    case 'timeout':
      return typeof after === 'number'
    case 'already_started': {
      const { peer, id } = Object(ref) as Partial<ProcessRef>
      return typeof peer === 'string' && typeof id === 'string'
    }
    case 'error':
      return typeof name === 'string' && typeof message === 'string'
    default:
      return (
        type === 'normal' ||
        type === 'shutdown' ||
        type === 'killed' ||
        type === 'noproc' ||
        type === 'calling_self'
      )
  }
}

function explain(reason: ExitReason): string {
  switch (reason.type) {
    case 'normal':
      return 'the process ended normally'
    case 'shutdown':
      return explainShutdown(reason.detail)
    case 'killed':
      return 'the process was killed'
    case 'noproc':
      return 'no such process'
    case 'nodedown':
      return `the peer ${reason.peer} is down`
    case 'timeout':
      return `no answer in ${reason.after} ms`
    case 'calling_self':
      return 'a process called itself'
    case 'already_started':
      return `already started as ${reason.ref.peer}/${reason.ref.id}`
    case 'error':
      return `${reason.name}: ${reason.message}`
  }
}

/** A supervisor's shutdown has the cause in its detail, which alone says what went wrong. */
function explainShutdown(detail: unknown): string {
  if (typeof detail === 'string') return `the process was shut down: ${detail}`
  const { failedToStart, reason } = Object(detail) as { failedToStart?: unknown; reason?: unknown }
  return typeof failedToStart === 'string' && isReason(reason)
    ? `its child ${failedToStart} did not start: ${explain(reason)}`
    : 'the process was shut down'
}
