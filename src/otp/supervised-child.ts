import type { Timer } from '../runtime/index.js'
import type { ChildInfo, ChildState } from './child-info.js'
import { type CheckedChild, kindOf } from './child-spec.js'
import type { Process } from './process.js'

/** A child as its supervisor keeps it. */
export interface Child {
  readonly spec: CheckedChild
  state: ChildState
  process: Process | undefined
  restarts: number
  /** Restarts in a row, for the backoff. */
  attempt: number
  startedAt: number
  retry: Timer | undefined
  /** When it gave up, lately: for the quarantine of nested supervisors. */
  escalations: number[]
  quarantined: boolean
}

/** One that has not started yet. */
export function newChild(spec: CheckedChild): Child {
  return {
    spec,
    state: 'stopped',
    process: undefined,
    restarts: 0,
    attempt: 0,
    startedAt: 0,
    retry: undefined,
    escalations: [],
    quarantined: false,
  }
}

/** What others see of it. */
export function infoOf({ spec, state, restarts, process, quarantined }: Child): ChildInfo {
  return {
    id: spec.id,
    kind: kindOf(spec),
    state,
    restarts,
    ref: process?.ref,
    ...(quarantined ? { quarantined: true as const } : {}),
  }
}
