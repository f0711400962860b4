import type { Cluster } from '../mesh/index.js'
import type { PeerId } from '../wire/index.js'
import { absencePatience, absenceTellers, mostAbsences } from './constants.js'

interface Absence {
  /** When it was missed (`runtime.now()`), and until when its return is reckoned with. */
  readonly since: number
  readonly until: number
}

/**
 * What this peer knows of the limits of its memory of deletions: who may not have heard of one, and
 * how far back there is no trace any more.
 *
 * Missing are the peers that went without leaving, and may come back with what they held: cut off, asleep, or
 * in a page that the browser froze. One that has not heard of a deletion brings the key back unless
 * the tombstone is still there, so a tombstone waits for them. A peer that left has handed over all
 * that it held, and its id never comes back.
 */
export class Absences {
  readonly #cluster: Cluster
  readonly #life: number
  readonly #missing = new Map<PeerId, Absence>()
  /** The latest deletion of which no tombstone is left, by the wall clock. */
  #forgotten = Number.NEGATIVE_INFINITY

  /** @param life - milliseconds that a tombstone is kept at least */
  constructor(cluster: Cluster, life: number) {
    this.#cluster = cluster
    this.#life = life
    cluster.on('down', ({ id, state }) => {
      if (state === 'dead') this.#miss(id)
    })
    cluster.on('up', ({ id }) => {
      this.#returned(id)
      this.tell(id)
    })
    cluster.receive('store.missing', ({ peers, forgotten }) => {
      for (const [id, away, more] of peers) this.#learn(id, away, more)
      if (forgotten !== null) this.forgot(cluster.runtime.wallClock() - forgotten)
    })
  }

  /** The tombstone of a deletion at this time (wall clock) was given up. */
  forgot(time: number): void {
    this.#forgotten = Math.max(this.#forgotten, time)
  }

  /** Whether a key may have been deleted since then (wall clock) with no trace left. */
  hasForgotten(since: number): boolean {
    return this.#forgotten > since - this.#life
  }

  /** For how many milliseconds who is missing longest has been away; 0 where nobody is missing. */
  get longest(): number {
    const now = this.#cluster.runtime.now()
    this.#tidy(now)
    let longest = 0
    for (const { since } of this.#missing.values()) longest = Math.max(longest, now - since)
    return longest
  }

  /**
   * What is here comes from storage, and there is nobody who could tell who has been missing since.
   * @param away - milliseconds since this peer, or the one before it, was last alive
   */
  startedAlone(away: number): void {
    this.#learn(this.#cluster.self, away, this.#patience)
  }

  get #patience(): number {
    return absencePatience * this.#life
  }

  #miss(id: PeerId): void {
    const { now } = this.#cluster.runtime
    this.#note(id, { since: now(), until: now() + this.#patience })
  }

  /** It has as long as a tombstone lives to bring what it holds, and to hear of what was deleted. */
  #returned(id: PeerId): void {
    const absence = this.#missing.get(id)
    if (absence === undefined) return
    const until = Math.min(absence.until, this.#cluster.runtime.now() + this.#life)
    this.#missing.set(id, { since: absence.since, until })
  }

  #note(id: PeerId, { since, until }: Absence): void {
    const before = this.#missing.get(id)
    // The oldest are first, and the first to be given up.
    this.#missing.delete(id)
    this.#missing.set(id, { since: Math.min(since, before?.since ?? since), until })
    for (const oldest of this.#missing.keys()) {
      if (this.#missing.size <= mostAbsences) break
      this.#missing.delete(oldest)
    }
  }

  /** Somebody misses a peer for so long, and will for so much longer. */
  #learn(id: PeerId, away: number, more: number): void {
    const now = this.#cluster.runtime.now()
    const state = this.#cluster.member(id)?.state
    const isHere = state !== undefined && state !== 'dead' && id !== this.#cluster.self
    const longest = isHere ? this.#life : this.#patience
    const until = Math.max(this.#missing.get(id)?.until ?? 0, now + Math.min(more, longest))
    this.#note(id, { since: now - away, until })
  }

  /** Tells one who comes, or is back, who is missing and what is forgotten. */
  tell(to: PeerId): void {
    const { runtime } = this.#cluster
    const now = runtime.now()
    this.#tidy(now)
    const peers: [PeerId, number, number][] = []
    // In a large mesh some tell, as all know the same.
    if (runtime.random() * this.#cluster.members().length < absenceTellers)
      for (const [id, { since, until }] of this.#missing)
        if (id !== to) peers.push([id, now - since, until - now])
    const forgotten = Number.isFinite(this.#forgotten)
      ? Math.max(0, runtime.wallClock() - this.#forgotten)
      : null
    if (peers.length === 0 && forgotten === null) return
    this.#cluster.send(to, { type: 'store.missing', peers, forgotten })
  }

  #tidy(now: number): void {
    for (const [id, { until }] of this.#missing) if (until <= now) this.#missing.delete(id)
  }
}
