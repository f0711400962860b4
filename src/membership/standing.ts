/**
 * Where a peer stands in its life:
 *
 * ```
 * joining ─▶ alive ⇄ parked     (the peer's own word)
 *              │
 *              ▼
 *           leaving ─▶ left
 *
 * suspect ─▶ dead               (the word of others; refuted by a higher incarnation)
 * ```
 */
export type MemberState = 'joining' | 'alive' | 'parked' | 'leaving' | 'left' | 'suspect' | 'dead'

/**
 * A state as it travels. Of two claims with one incarnation the greater standing holds, which is
 * the merge order left > dead > suspect > leaving > parked > alive > joining. A suspicion keeps
 * what the peer last said of itself in its lower two bits: a suspected peer that is parked or
 * joining must not thereby enter the ring.
 */
export const JOINING = 0
export const ALIVE = 1
export const PARKED = 2
export const LEAVING = 3
export const SUSPECT = 4
export const DEAD = 8
export const LEFT = 9

const ownStates = ['joining', 'alive', 'parked', 'leaving'] as const

/** What the peer itself said last, under a suspicion too. Only for standings below {@link DEAD}. */
export function ownStanding(standing: number): number {
  return standing & 3
}

export function isSuspected(standing: number): boolean {
  return standing >= SUSPECT && standing < DEAD
}

/** Whether the peer is dead or has left. */
export function isGone(standing: number): boolean {
  return standing >= DEAD
}

/**
 * The state that the other rooms see. Only a peer that holds ranges is shown as a suspect: of one
 * that is parked or joining nothing would move if it died, and it keeps its name.
 */
export function stateOf(standing: number): MemberState {
  if (standing === DEAD) return 'dead'
  if (standing === LEFT) return 'left'
  const own = ownStates[ownStanding(standing)] ?? 'joining'
  return isSuspected(standing) && (own === 'alive' || own === 'leaving') ? 'suspect' : own
}

/** Whether a claim supersedes another about the same peer. */
export function supersedes(
  incarnation: number,
  standing: number,
  thanIncarnation: number,
  thanStanding: number,
): boolean {
  return incarnation > thanIncarnation || (incarnation === thanIncarnation && standing > thanStanding)
}
