import type { Outcomes } from './outcomes.js'

/** What may go wrong in a simulation. */
export type Fault =
  | 'join'
  | 'leave'
  | 'suspect'
  | 'partition'
  /** Nobody hears a peer that hears all. */
  | 'mute'
  | 'freeze'
  /** A peer is cut off for long, and every other time asleep as well. */
  | 'away'
  | 'park'
  | 'crash'
  /** All pages of one browser crash at once. */
  | 'browser'
  /** Three peers crash at once, wherever they are: with three copies of a key, perhaps all that have it. */
  | 'outage'
  /** A page is gone without a word, and back a moment later with another id and what was in its storage. */
  | 'reload'
  | 'lag'
  | 'clock'
  /** A member that holds nothing sends made-up frames. */
  | 'hostile'

/** All that may happen to peers short of a crash. */
export const gracefulFaults: readonly Fault[] = [
  'join',
  'leave',
  'suspect',
  'partition',
  'mute',
  'freeze',
  'park',
  'lag',
  'clock',
]

export interface SimulationOptions {
  readonly seed: string | number
  readonly nodes?: number
  /** Edge workers among them: what is put durably is on the disk of one, which outlives it. Default 0. */
  readonly edges?: number
  /** Browsers that the pages are spread over; 0 for one each. Default 0. */
  readonly browsers?: number
  /** Milliseconds of virtual time with faults. Default 20 s. */
  readonly duration?: number
  readonly faults: readonly Fault[]
  /** Mean milliseconds between two faults. Default 1.5 s. */
  readonly faultEvery?: number
  /** Mean milliseconds between two writes. Default 40. */
  readonly writeEvery?: number
  /** Copies of every key. Default 3. */
  readonly replicas?: number
  /** The longest that a view may lag, where 'lag' is among the faults. Default 4 s. */
  readonly longestLag?: number
  /** Mean milliseconds of 'away'. Default 150 s. */
  readonly awayFor?: number
  /** Milliseconds that deleted keys are remembered. Default 1 h. */
  readonly tombstoneTime?: number
  /** Milliseconds of virtual time without faults in which all must come to agree. Default 90 s. */
  readonly quiet?: number
}

/** What the state promises, as far as a simulation can tell that a promise was broken. */
export type Promised =
  /** What was acknowledged is with two peers at least, until one crashes. */
  | 'copies'
  /** What was acknowledged is there in the end, unless its last copy crashed. */
  | 'kept'
  /** What was acknowledged as durable is there in the end. */
  | 'durable'
  /** What was deleted does not return. */
  | 'deleted'
  /** A page reads what it wrote, and never goes back. */
  | 'session'
  /** Every watch is told the last state. */
  | 'watched'
  /** No stamp from the future is believed. */
  | 'clock'
  /** All owners come to agree. */
  | 'agreed'

/** A promise that was broken, and how. */
export interface Violation {
  readonly promise: Promised
  readonly what: string
}

/** Takes down that a promise was broken. */
export type Report = (promise: Promised, what: string) => void

/** What came of a simulation; `violations` is empty where every promise was kept. */
export interface SimulationResult {
  readonly acknowledged: number
  readonly failed: number
  readonly violations: readonly Violation[]
  /** Acknowledged and nowhere afterwards, or only in an older state. */
  readonly lost: number
  /** Of them those that were in one place only when that crashed: the others are violations. */
  readonly explained: number
  /** Keys acknowledged as durable. */
  readonly durable: number
  /** Keys whose last acknowledged write deleted them. */
  readonly deleted: number
  /** Reads that were held to the guarantees of a session. */
  readonly sessionReads: number
  /** Made-up frames that were sent, and how many of them could not be decoded and went no further. */
  readonly hostileFrames: number
  readonly refusedFrames: number
  /** Milliseconds from the last fault until all owners agreed, and until no other peer held a copy. */
  readonly converged: number
  readonly tidied: number
  /** What became of the keys that were written once, as reads saw it. */
  readonly outcomes: Outcomes
}
