import type { Cluster, Member } from '../mesh/index.js'
import type { PeerId } from '../wire/index.js'
import { Lane } from './lane.js'
import { settings } from './settings.js'
import type { Offer, Slot } from './slot.js'
import type { Submission } from './submission.js'

/** What a dispatcher asks of its coordinator. */
export interface DispatcherEvents {
  /** It is this worker's turn: brings the task to it, or puts it back. */
  place(submission: Submission, slot: Slot): void
  /** Nobody could run it for as long as one waits for workers; it is in no queue any more. */
  starved(submission: Submission): void
  /** Asks all members what they have defined. */
  ask(): void
}

/**
 * Whose turn it is: the tasks that wait, by name, and the workers that can take them. Holds back what
 * nobody has credit for, and looks again in time.
 */
export class Dispatcher {
  readonly #cluster: Cluster
  readonly #events: DispatcherEvents
  readonly #lanes = new Map<string, Lane>()
  readonly #members = new Map<PeerId, 'usable' | 'parked'>()
  readonly #pumping = new Set<Lane>()
  #closed = false

  constructor(cluster: Cluster, events: DispatcherEvents) {
    this.#cluster = cluster
    this.#events = events
  }

  /** How many tasks wait. */
  get queued(): number {
    let queued = 0
    for (const lane of this.#lanes.values()) queued += lane.queue.size
    return queued
  }

  /** The names that some peer has defined. */
  names(): string[] {
    return [...this.#lanes.values()]
      .filter(({ slots }) => slots.size > 0)
      .map(({ name }) => name)
      .sort()
  }

  /** What waits by this name, and who can take it; undefined while there is neither. */
  find(name: string): Lane | undefined {
    return this.#lanes.get(name)
  }

  /** Takes a task, and hands it out if somebody can take it. */
  push(submission: Submission): void {
    const lane = this.#lane(submission.name)
    lane.queue.push(submission)
    this.#pump(lane)
  }

  /** Back to the front of its queue, to be handed out with the next that happens. */
  putBack(submission: Submission): void {
    this.#lane(submission.name).queue.pushFirst(submission)
  }

  /** Takes a task out, if it waits. */
  remove(submission: Submission): void {
    this.#lanes.get(submission.name)?.queue.remove(submission)
  }

  /** Something changed for this name: hands out what can be handed out. */
  pump(name: string): void {
    this.#pump(this.#lane(name))
  }

  /** Something changed for many names: hands out what can be handed out. */
  pumpAll(): void {
    for (const lane of this.#lanes.values()) this.#pump(lane)
  }

  /** A worker cannot run this name any more. */
  withdraw(name: string, peer: PeerId): void {
    this.#withdraw(this.#lane(name), peer)
  }

  /** What a peer has defined, all of it. */
  offered(peer: PeerId, offers: readonly Offer[]): void {
    const names = new Set(offers.map(({ name }) => name))
    for (const lane of this.#lanes.values()) if (!names.has(lane.name)) this.#withdraw(lane, peer)
    for (const offer of offers) {
      const lane = this.#lane(offer.name)
      lane.offered(peer, offer)
      this.#pump(lane)
    }
  }

  /** A member's state changed: whether it is given work follows. */
  memberChanged(member: Pick<Member, 'id' | 'state'>): void {
    const { id, state } = member
    const before = this.#members.get(id)
    const now =
      state === 'parked'
        ? 'parked'
        : state === 'alive' || (id === this.#cluster.self && state === 'joining')
          ? 'usable'
          : undefined
    if (before === now) return
    if (now === undefined) this.#members.delete(id)
    else this.#members.set(id, now)
    this.pumpAll()
  }

  /** A peer is dead or has left: it gets no turns any more. */
  memberDown(peer: PeerId): void {
    this.#members.delete(peer)
    for (const lane of this.#lanes.values()) this.#withdraw(lane, peer)
  }

  /** The time in which workers get through a tenth of what waits, within a tenth of a second and half a minute. */
  retryAfter(name: string): number {
    const lane = this.#lanes.get(name)
    let pace = 0
    for (const slot of lane?.slots.values() ?? []) {
      pace += slot.atOnce / Math.max(1, slot.took ?? settings.unknownRoundTrip)
    }
    const time = pace === 0 ? settings.longestRetryAfter : (lane?.queue.size ?? 0) / 10 / pace
    return Math.ceil(Math.min(settings.longestRetryAfter, Math.max(settings.busyPause, time)))
  }

  /** Hands out nothing more. */
  close(): void {
    this.#closed = true
    for (const lane of this.#lanes.values()) lane.wake?.cancel()
  }

  #lane(name: string): Lane {
    let lane = this.#lanes.get(name)
    if (lane === undefined) {
      lane = new Lane(name, () => this.#cluster.runtime.random())
      this.#lanes.set(name, lane)
    }
    return lane
  }

  /** Hands out what can be handed out, in turn. */
  #pump(lane: Lane): void {
    // A worker in this very thread may answer from inside of `assign`; the loop that runs sees to it.
    if (this.#pumping.has(lane) || this.#closed) return
    this.#pumping.add(lane)
    while (lane.queue.size > 0) {
      const rank = this.#bestRank(lane)
      if (rank === 0) break
      const submission = lane.queue.shift()
      if (submission === undefined) break
      const { lastPeer } = submission
      const slot =
        lane.next((candidate) => candidate.peer !== lastPeer && this.#rank(lane, candidate) === rank) ??
        lane.next((candidate) => this.#rank(lane, candidate) === rank)
      if (slot === undefined) {
        lane.queue.pushFirst(submission)
        break
      }
      this.#events.place(submission, slot)
    }
    this.#pumping.delete(lane)
    this.#mindWaiting(lane)
  }

  #bestRank(lane: Lane): 0 | 1 | 2 {
    let best: 0 | 1 | 2 = 0
    for (const slot of lane.slots.values()) {
      const rank = this.#rank(lane, slot)
      if (rank > best) best = rank
      if (best === 2) break
    }
    return best
  }

  /** 2: it would run at once. 1: it may wait there. 0: not now. */
  #rank(lane: Lane, slot: Slot): 0 | 1 | 2 {
    const { peer } = slot
    const state = this.#members.get(peer)
    if (state === undefined) return 0
    // A hidden tab is a last resort, but better than nobody.
    if (state === 'parked' && this.#hasUsable(lane)) return 0
    const rank = slot.hasFreeSlot ? 2 : slot.mayPrefetch() ? 1 : 0
    if (rank === 0 || slot.pausedUntil > this.#cluster.runtime.now()) return 0
    return peer !== this.#cluster.self && this.#cluster.queued(peer) > settings.linkBytes ? 0 : rank
  }

  #hasUsable(lane: Lane): boolean {
    for (const peer of lane.slots.keys()) if (this.#members.get(peer) === 'usable') return true
    return false
  }

  #withdraw(lane: Lane, peer: PeerId): void {
    if (lane.removed(peer)) this.#mindWaiting(lane)
  }

  /** Sees to it that work which cannot be handed out now is looked at again, or given up in time. */
  #mindWaiting(lane: Lane): void {
    const { runtime } = this.#cluster
    if (lane.queue.size === 0 || this.#closed) {
      lane.starvedSince = undefined
      lane.wake?.cancel()
      lane.wake = undefined
      // Names come from anybody in the room: a lane is kept for as long as it is of use.
      if (lane.slots.size === 0) this.#lanes.delete(lane.name)
      return
    }
    if (lane.slots.size > 0) lane.starvedSince = undefined
    else if (lane.starvedSince === undefined) {
      lane.starvedSince = runtime.now()
      this.#events.ask()
    }
    if (lane.wake !== undefined) return
    const wait = lane.starvedSince === undefined ? settings.busyPause : settings.askEvery
    lane.wake = runtime.timer(wait, () => {
      lane.wake = undefined
      if (lane.starvedSince !== undefined) {
        if (runtime.now() - lane.starvedSince >= settings.workersWait) {
          for (const submission of lane.queue.drain()) this.#events.starved(submission)
        } else this.#events.ask()
      }
      this.#pump(lane)
    })
  }
}
