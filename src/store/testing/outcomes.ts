import type { Version } from '../clock.js'

/**
 * What became of acknowledged writes, in the terms of Jepsen's set test: of every key that was
 * written once, whether it is there in the end, and how long after its acknowledgement a read still
 * missed it.
 */
export interface Outcomes {
  /** Keys written once and acknowledged, with the reads of them. */
  readonly acknowledged: number
  readonly reads: number
  /** There in the end. */
  readonly stable: number
  /** Acknowledged, and not there in the end. */
  readonly lost: number
  /** Acknowledged, and no read of it ever came to an end. */
  readonly neverRead: number
  /** There in the end, though a read that began after the acknowledgement missed it. */
  readonly stale: number
  /** Milliseconds from the acknowledgement to the start of the last read that missed it, of each stale key. */
  readonly staleTimes: readonly number[]
}

interface Element {
  readonly version: Version
  readonly acknowledgedAt: number
  wasRead: boolean
  isThere: boolean
  missedAt: number | undefined
  endedAt: number
}

/** Keeps the account of acknowledged keys and the reads of them. */
export class OutcomeRecorder {
  readonly #elements = new Map<string, Element>()
  readonly #keys: string[] = []
  #reads = 0

  acknowledged(key: string, version: Version, now: number): void {
    this.#elements.set(key, {
      version,
      acknowledgedAt: now,
      wasRead: false,
      isThere: false,
      missedAt: undefined,
      endedAt: -1,
    })
    this.#keys.push(key)
  }

  get keys(): readonly string[] {
    return this.#keys
  }

  /** A read came to an end: what it found counts if no read that began later has ended before. */
  read(key: string, found: Version | undefined, startedAt: number): void {
    const element = this.#elements.get(key)
    if (element === undefined || startedAt < element.acknowledgedAt) return
    this.#reads++
    element.wasRead = true
    const isThere = found !== undefined && found >= element.version
    if (!isThere) element.missedAt = Math.max(startedAt, element.missedAt ?? 0)
    if (startedAt < element.endedAt) return
    element.endedAt = startedAt
    element.isThere = isThere
  }

  outcomes(): Outcomes {
    let stable = 0
    let lost = 0
    let neverRead = 0
    const staleTimes: number[] = []
    for (const { wasRead, isThere, missedAt, acknowledgedAt } of this.#elements.values()) {
      if (!wasRead) neverRead++
      else if (!isThere) lost++
      else {
        stable++
        if (missedAt !== undefined) staleTimes.push(missedAt - acknowledgedAt)
      }
    }
    const acknowledged = this.#elements.size
    return { acknowledged, reads: this.#reads, stable, lost, neverRead, stale: staleTimes.length, staleTimes }
  }
}

/** The outcomes of several runs as one. */
export function sumOf(runs: readonly Outcomes[]): Outcomes {
  const sum = (of: (run: Outcomes) => number) => runs.reduce((total, run) => total + of(run), 0)
  return {
    acknowledged: sum((run) => run.acknowledged),
    reads: sum((run) => run.reads),
    stable: sum((run) => run.stable),
    lost: sum((run) => run.lost),
    neverRead: sum((run) => run.neverRead),
    stale: sum((run) => run.stale),
    staleTimes: runs.flatMap((run) => run.staleTimes),
  }
}

/** One line, as a test run prints it. */
export function described(outcomes: Outcomes): string {
  const { acknowledged, reads, stable, lost, neverRead, stale } = outcomes
  const times = [...outcomes.staleTimes].sort((a, b) => a - b)
  const at = (share: number) => Math.round(times[Math.floor(share * (times.length - 1))] ?? 0)
  const late = `stale time p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms`
  return `${acknowledged} keys, ${reads} reads: stable ${stable}, lost ${lost}, never read ${neverRead}, stale ${stale} (${late})`
}
