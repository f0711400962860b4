import { RingmeshError } from '../errors/index.js'
import type { Cluster, Member } from '../mesh/index.js'
import { isPlanted } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import { fullJitter } from './backoff.js'
import { Busy, NoWorkers, TaskFailed, Timeout } from './errors.js'
import type { Assignment, Report } from './executor.js'
import { Lane, type Offer, type Placement, type Slot } from './lane.js'
import { Notes } from './notes.js'
import { Placements } from './placements.js'
import { settings } from './settings.js'
import type { Settled, Submission, SubmissionOptions } from './submission.js'
import type { Thrown } from './thrown.js'

export interface CoordinatorEvents {
  /** Brings an assignment to a worker. False: it could not be sent now. @throws {InvalidOption} */
  assign(worker: PeerId, assignment: Assignment): boolean
  abort(worker: PeerId, task: number, attempt: number): void
  noted(worker: PeerId, tasks: readonly number[]): void
  /** Asks all members what they have defined. */
  ask(): void
  /** A task failed on every attempt. */
  dead(submission: Submission, error: TaskFailed): void
}

/** Counters since the start, and gauges of now. */
export interface CoordinatorStats {
  readonly submitted: number
  readonly done: number
  readonly failed: number
  /** Assignments in all; above `submitted` by the attempts that were repeated or returned. */
  readonly assigned: number
  readonly returned: number
  /** Assignments taken back because the worker died or was not heard from. */
  readonly lost: number
  /** Results of assignments that had been taken back: counted, not used. */
  readonly stale: number
  readonly queued: number
  readonly placed: number
}

/**
 * The side that hands tasks out: queues, turns and credit; leases and fences; retries. Synchronous
 * throughout, and driven by what it is told.
 */
export class Coordinator {
  readonly #cluster: Cluster
  readonly #events: CoordinatorEvents
  readonly #lanes = new Map<string, Lane>()
  readonly #submissions = new Set<Submission>()
  readonly #placements: Placements
  readonly #members = new Map<PeerId, 'usable' | 'parked'>()
  readonly #notes: Notes
  readonly #pumping = new Set<Lane>()
  #nextNumber = 1
  #bytes = 0
  #closed = false
  #idle: (() => void) | undefined
  readonly #counts = { submitted: 0, done: 0, failed: 0, assigned: 0, returned: 0, lost: 0, stale: 0 }

  constructor(cluster: Cluster, events: CoordinatorEvents) {
    this.#cluster = cluster
    this.#events = events
    const { runtime, self } = cluster
    this.#notes = new Notes(runtime, (worker, tasks) => events.noted(worker, tasks))
    this.#placements = new Placements(runtime, self, (expired) => this.#expired(expired))
  }

  get stats(): CoordinatorStats {
    let queued = 0
    for (const lane of this.#lanes.values()) queued += lane.queue.size
    return { ...this.#counts, queued, placed: this.#placements.size }
  }

  /** How many tasks of this name may be with workers at once. */
  credit(name: string): number {
    return this.#lanes.get(name)?.credit ?? 0
  }

  /** How many tasks each worker was given, by peer: what a picture of the mesh shows. */
  shares(name: string): Map<PeerId, { assigned: number; placed: number }> {
    const shares = new Map<PeerId, { assigned: number; placed: number }>()
    for (const slot of this.#lanes.get(name)?.slots.values() ?? []) {
      shares.set(slot.peer, { assigned: slot.assigned, placed: slot.placements.size })
    }
    return shares
  }

  /** The names that some peer has defined. */
  names(): string[] {
    return [...this.#lanes.values()]
      .filter(({ slots }) => slots.size > 0)
      .map(({ name }) => name)
      .sort()
  }

  /** @throws {Busy} when as much waits as may wait */
  submit(options: SubmissionOptions): Submission {
    if (this.#closed) throw new RingmeshError('Closed', 'the task service is closed')
    const { size } = options.input
    if (this.#submissions.size >= settings.queueTasks || this.#bytes + size > settings.queueBytes) {
      throw new Busy(`${this.#submissions.size} tasks wait here already`, this.#retryAfter(options.name))
    }
    const number = this.#nextNumber++
    const submission: Submission = {
      number,
      id: options.id ?? `${this.#cluster.self}.${number}`,
      epoch: options.epoch ?? 0,
      name: options.name,
      input: options.input,
      priority: options.priority,
      attempts: options.attempts,
      onProgress: options.onProgress,
      durable: options.durable ?? false,
      settle: options.settle,
      queued: false,
      attempt: 0,
      run: 0,
      failures: 0,
      lastThrown: undefined,
      lastPeer: undefined,
      placement: undefined,
      backoff: undefined,
      deadline: undefined,
      size,
    }
    this.#submissions.add(submission)
    this.#bytes += size
    this.#counts.submitted++
    const { timeout } = options
    if (timeout !== undefined) {
      submission.deadline = this.#cluster.runtime.timer(timeout, () =>
        this.cancel(submission, new Timeout(`the task ${JSON.stringify(options.name)}`, timeout)),
      )
    }
    const lane = this.#lane(options.name)
    lane.queue.push(submission)
    this.#pump(lane)
    return submission
  }

  /** Ends a task now with an error; the worker that has it is told to stop. */
  cancel(submission: Submission, error: RingmeshError): void {
    if (!this.#submissions.has(submission)) return
    const { placement } = submission
    if (placement !== undefined) {
      // Its credit stays taken until the worker answers: it may still be running it.
      placement.abandoned = true
      this.#events.abort(placement.slot.peer, submission.number, placement.attempt)
    }
    this.#settle(submission, { kind: 'failed', error })
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
    for (const lane of this.#lanes.values()) this.#pump(lane)
  }

  /** A peer is dead or has left: what it has is taken back at once. */
  memberDown(peer: PeerId): void {
    this.#members.delete(peer)
    this.#notes.forget(peer)
    const placements = this.#placements.of(peer)
    for (const lane of this.#lanes.values()) this.#withdraw(lane, peer)
    for (const placement of placements) this.#takeBack(placement, 'its peer dropped out of the mesh')
    for (const lane of this.#lanes.values()) this.#pump(lane)
  }

  /** A worker says that it holds these: their leases begin anew. What is not its any more it shall let go. */
  renewed(worker: PeerId, held: readonly (readonly [task: number, attempt: number])[]): void {
    const expires = this.#placements.lease(worker)
    for (const [task, attempt] of held) {
      const placement = this.#placements.get(worker, task)
      if (placement === undefined || placement.abandoned) this.#events.abort(worker, task, attempt)
      if (placement?.attempt === attempt) placement.expires = expires
    }
  }

  /** What a worker says of an assignment. */
  reported(worker: PeerId, report: Report): void {
    const placement = this.#placements.get(worker, report.task)
    if (report.kind === 'progress') {
      if (placement?.attempt === report.attempt && !placement.abandoned) this.#progress(placement, report)
      return
    }
    if (placement === undefined || placement.attempt !== report.attempt) {
      this.#stale(worker, report, placement)
      return
    }
    const { submission, slot, abandoned } = placement
    if (!(abandoned && isPlanted('credit-leaked-on-abort'))) this.#placements.remove(placement)
    slot.credit = report.credit
    if (report.kind !== 'returned') {
      slot.learn(report.took)
      slot.roundTrip = this.#roundTrip(worker)
      this.#note(worker, report.task)
    }
    if (!abandoned) {
      if (report.kind === 'done') this.#done(submission, worker, report)
      else if (report.kind === 'failed') this.#failed(submission, worker, report.thrown)
      else this.#returned(submission, slot, report)
    }
    this.#pump(this.#lane(submission.name))
  }

  /** Calls `idle` once, as soon as nothing is submitted that has not settled. */
  whenIdle(idle: () => void): void {
    this.#idle = idle
    this.#checkIdle()
  }

  /** Ends every task with `error` and takes no more. */
  close(error: RingmeshError): void {
    this.#closed = true
    for (const submission of [...this.#submissions]) this.cancel(submission, error)
    this.#notes.flush()
    this.#placements.close()
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
      this.#place(submission, slot)
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

  #place(submission: Submission, slot: Slot): void {
    submission.attempt++
    submission.run++
    const placement: Placement = {
      submission,
      slot,
      attempt: submission.attempt,
      expires: this.#placements.lease(slot.peer),
      abandoned: false,
    }
    this.#placements.add(placement)
    slot.assigned++
    this.#counts.assigned++
    this.#cluster.runtime.trace('tasks.assign', submission.id, slot.peer, submission.attempt)
    let sent = false
    try {
      sent = this.#events.assign(slot.peer, {
        task: submission.number,
        attempt: submission.attempt,
        epoch: submission.epoch,
        id: submission.id,
        name: submission.name,
        priority: submission.priority,
        run: submission.run,
        progress: submission.onProgress !== undefined,
        input: submission.input,
      })
    } catch (error) {
      this.#placements.remove(placement)
      this.#settle(submission, {
        kind: 'failed',
        error: error instanceof RingmeshError ? error : new RingmeshError('InvalidOption', String(error)),
      })
      return
    }
    if (sent || submission.placement !== placement) return
    this.#placements.remove(placement)
    this.#requeue(submission, slot)
  }

  #done(submission: Submission, peer: PeerId, { output, attempt }: Report & { kind: 'done' }): void {
    this.#cluster.runtime.trace('tasks.result', submission.id, peer, attempt)
    this.#settle(submission, { kind: 'done', output, peer, attempts: submission.run })
  }

  #failed(submission: Submission, peer: PeerId, thrown: Thrown): void {
    submission.failures++
    submission.lastPeer = peer
    submission.lastThrown = thrown
    if (this.#gaveUp(submission)) return
    const { runtime } = this.#cluster
    const wait = fullJitter(runtime, submission.failures, {
      first: settings.firstBackoff,
      longest: settings.longestBackoff,
    })
    submission.backoff = runtime.timer(wait, () => {
      submission.backoff = undefined
      const lane = this.#lane(submission.name)
      lane.queue.push(submission)
      this.#pump(lane)
    })
  }

  #returned(submission: Submission, slot: Slot, { reason }: Report & { kind: 'returned' }): void {
    this.#counts.returned++
    if (reason === 'unknown') this.#withdraw(this.#lane(submission.name), slot.peer)
    this.#requeue(submission, slot, reason !== 'aborted')
  }

  /** Back to the front of its queue; the worker that would not take it is left alone for a moment. */
  #requeue(submission: Submission, slot: Slot, unstarted = true): void {
    if (unstarted) submission.run--
    slot.pausedUntil = this.#cluster.runtime.now() + settings.busyPause
    this.#lane(submission.name).queue.pushFirst(submission)
  }

  #takeBack(placement: Placement, why: string): void {
    const { submission, abandoned, slot } = placement
    if (abandoned && isPlanted('credit-leaked-on-abort')) return
    this.#placements.remove(placement)
    if (abandoned) return
    this.#counts.lost++
    this.#cluster.runtime.trace('tasks.lost', submission.id, slot.peer, placement.attempt)
    submission.failures++
    submission.lastPeer = slot.peer
    submission.lastThrown = { name: 'Lost', message: `a task was lost: ${why}`, stack: '', cause: undefined }
    if (!this.#gaveUp(submission)) this.#lane(submission.name).queue.pushFirst(submission)
  }

  #gaveUp(submission: Submission): boolean {
    const { failures, attempts, name, lastThrown, input } = submission
    if ((failures < attempts && !input.taken) || lastThrown === undefined) return false
    const error = new TaskFailed(name, lastThrown, submission.run, submission.lastPeer)
    if (!submission.durable) this.#events.dead(submission, error)
    this.#settle(submission, { kind: 'failed', error })
    return true
  }

  #settle(submission: Submission, how: Settled): void {
    if (!this.#submissions.delete(submission)) return
    this.#bytes -= submission.size
    this.#counts[how.kind]++
    submission.deadline?.cancel()
    submission.backoff?.cancel()
    this.#lanes.get(submission.name)?.queue.remove(submission)
    submission.settle(how)
    this.#checkIdle()
  }

  #checkIdle(): void {
    const idle = this.#idle
    if (idle === undefined || this.#submissions.size > 0) return
    this.#idle = undefined
    // Results are said again until they are noted, and whoever is told last must not wait for that.
    this.#notes.flush()
    idle()
  }

  #stale(worker: PeerId, report: Report, placement: Placement | undefined): void {
    if (report.kind !== 'done' && report.kind !== 'failed') return
    this.#counts.stale++
    this.#cluster.runtime.trace('tasks.stale', worker, report.task, report.attempt)
    if (report.kind === 'done' && isPlanted('stale-fence-accepted')) {
      for (const submission of this.#submissions) {
        if (submission.number !== report.task) continue
        if (submission.placement !== undefined) this.#placements.remove(submission.placement)
        this.#done(submission, worker, report)
        break
      }
    }
    // An assignment of the same task is on its way to the same worker: its answer will be this result.
    if (placement === undefined) this.#note(worker, report.task)
  }

  #progress({ submission }: Placement, { value }: Report & { kind: 'progress' }): void {
    try {
      submission.onProgress?.(value.take().value)
    } catch (error) {
      this.#cluster.runtime.log('error', 'a listener to the progress of a task threw', {
        error: String(error),
      })
    }
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
          for (const submission of lane.queue.drain()) {
            this.#settle(submission, {
              kind: 'failed',
              error: new NoWorkers(lane.name, settings.workersWait),
            })
          }
        } else this.#events.ask()
      }
      this.#pump(lane)
    })
  }

  #expired(placements: readonly Placement[]): void {
    for (const placement of placements) {
      this.#takeBack(placement, `its worker was not heard from for ${settings.lease} ms`)
    }
    for (const lane of this.#lanes.values()) this.#pump(lane)
  }

  #note(worker: PeerId, task: number): void {
    if (worker !== this.#cluster.self) this.#notes.add(worker, task)
  }

  #roundTrip(worker: PeerId): number {
    return worker === this.#cluster.self
      ? 0
      : (this.#cluster.member(worker)?.rtt ?? settings.unknownRoundTrip)
  }

  /** The time in which workers get through a tenth of what waits, within a tenth of a second and half a minute. */
  #retryAfter(name: string): number {
    const lane = this.#lanes.get(name)
    let pace = 0
    for (const slot of lane?.slots.values() ?? []) {
      pace += slot.atOnce / Math.max(1, slot.took ?? settings.unknownRoundTrip)
    }
    const time = pace === 0 ? settings.longestRetryAfter : (lane?.queue.size ?? 0) / 10 / pace
    return Math.ceil(Math.min(settings.longestRetryAfter, Math.max(settings.busyPause, time)))
  }
}
