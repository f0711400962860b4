import type { ExitReason } from './exit.js'
import type { ProcessRef } from './ref.js'

/** `restarting`: it ended, and its restart waits or failed and is tried again. `stopped`: it has a spec and no process. */
export type ChildState = 'running' | 'restarting' | 'stopped'

/** A supervisor's child as others see it. */
export interface ChildInfo {
  readonly id: string
  readonly kind: 'worker' | 'supervisor'
  readonly state: ChildState
  /** How often it has been started again. */
  readonly restarts: number
  /** Undefined while no process runs. */
  readonly ref: ProcessRef | undefined
  /** A nested supervisor that gave up too often and rests; see `quarantine`. */
  readonly quarantined?: true
}

/** OTP's answers to what cannot be done with a child. */
export type ChildError =
  | { readonly error: 'not_found' | 'running' | 'restarting' | 'already_present' | 'max_children' }
  | { readonly error: 'already_started'; readonly ref: ProcessRef }
  | { readonly error: 'failed'; readonly reason: ExitReason }

/** What a child operation gave: the child's ref (undefined where it has none now), or why not. */
export type ChildAnswer = { readonly ref: ProcessRef | undefined } | ChildError

/** How many children there are. */
export interface ChildCount {
  /** With or without a process. */
  readonly specs: number
  /** With a process that runs. */
  readonly active: number
  readonly supervisors: number
  readonly workers: number
}

/** The answer to a start that failed. */
export function refused(reason: ExitReason): ChildError {
  return reason.type === 'already_started'
    ? { error: 'already_started', ref: reason.ref }
    : { error: 'failed', reason }
}

/** @param isAlive - the end of a process is known before its supervisor has seen to it */
export function countOf(children: readonly ChildInfo[], isAlive: (ref: ProcessRef) => boolean): ChildCount {
  const supervisors = children.filter(({ kind }) => kind === 'supervisor').length
  return {
    specs: children.length,
    active: children.filter(({ ref }) => ref !== undefined && isAlive(ref)).length,
    supervisors,
    workers: children.length - supervisors,
  }
}
