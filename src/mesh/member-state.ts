import type { MemberState } from './cluster.js'

/** Whether a peer in this state takes part: the difference between `up` and not yet or no longer. */
export function isWorking(state: MemberState): boolean {
  return state === 'alive' || state === 'suspect' || state === 'parked' || state === 'leaving'
}

/** Whether it holds state now. A suspect keeps its ranges: only a death moves them (DESIGN, State, handoff 4). */
export function holdsState(state: MemberState): boolean {
  return state === 'alive' || state === 'suspect' || state === 'leaving'
}

/** Whether it will hold state when those that come have come and those that go have gone. */
export function willHoldState(state: MemberState): boolean {
  return state === 'alive' || state === 'suspect' || state === 'joining'
}

/** Whether it is dead or has left. */
export function isGone(state: MemberState): boolean {
  return state === 'dead' || state === 'left'
}

/**
 * Which event of the cluster, if any, it is that a peer's state changed: `up` when it begins to take part, `down` when
 * it is dead or has left.
 *
 * @param before - undefined for a peer that was not known
 */
export function turn(before: MemberState | undefined, state: MemberState): 'up' | 'down' | undefined {
  if (isWorking(state)) return before !== undefined && isWorking(before) ? undefined : 'up'
  if (isGone(state)) return before !== undefined && isGone(before) ? undefined : 'down'
  return undefined
}
