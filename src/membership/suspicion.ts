import {
  CONFIRMATION_WEIGHTS,
  CONFIRMATIONS,
  LOGARITHMS,
  PARKED_PATIENCE,
  PROBE_PERIOD,
  SUSPICION_PERIODS,
  SUSPICION_SPREAD,
} from './constants.js'

export interface SuspicionCase {
  /** Peers that are here, this one and the suspect included. */
  readonly size: number
  /** Those who saw the silence themselves. */
  readonly voters: number
  readonly isParked: boolean
  /** What the signalling server says of the suspect's socket. */
  readonly socketOpen: boolean | undefined
}

/**
 * Milliseconds from the beginning of a peer's silence to its death (Lifeguard, section IV B): long
 * while one peer alone says so, and the shorter the more confirm it.
 */
export function suspicionTime({ size, voters, isParked, socketOpen }: SuspicionCase): number {
  const usual = SUSPICION_PERIODS * PROBE_PERIOD * Math.max(1, log10(size))
  const least = isParked ? Math.max(usual, PARKED_PATIENCE) : usual
  const most = isParked ? least : usual * SUSPICION_SPREAD
  const wanted = Math.min(CONFIRMATIONS, size - 2)
  // Of two peers nobody else can confirm: the server does, by no longer having a socket of it.
  if (wanted <= 0) return socketOpen === false ? least : most
  const confirmations = Math.min(wanted, Math.max(0, voters - 1))
  const weight =
    confirmations === wanted
      ? 1
      : (CONFIRMATION_WEIGHTS[confirmations] ?? 0) / (CONFIRMATION_WEIGHTS[wanted] ?? 1)
  return most - (most - least) * weight
}

/** log10 by a table and straight lines, the same to the last bit on every engine; within 0.03 of it. */
export function log10(value: number): number {
  let decade = 0
  let rest = Math.max(1, value)
  for (; rest >= 10; rest /= 10) decade++
  const whole = Math.floor(rest)
  const from = LOGARITHMS[whole - 1] ?? 0
  const to = LOGARITHMS[whole] ?? 1
  return decade + from + (to - from) * (rest - whole)
}
