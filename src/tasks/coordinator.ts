import { RingmeshError } from '../errors/index.js'
import type { Cluster, Member } from '../mesh/index.js'
import { isPlanted } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import type { Assignment, Report } from './assignment.js'
import { fullJitter } from './backoff.js'
import { Dispatcher } from './dispatcher.js'
import { Busy, NoWorkers, TaskFailed, Timeout } from './errors.js'
import { Notes } from './notes.js'
import { Placements } from './placements.js'
import { settings } from './settings.js'
import type { Offer, Slot } from './slot.js'
import {
  newSubmission,
  type Placement,
  type Settled,
  type Submission,
  type SubmissionOptions,
} from './submission.js'
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
 * The side that hands tasks out: leases and fences, retries, what became of each; whose turn it is
 * says the dispatcher. Synchronous throughout, and driven by what it is told.
 */
export class Coordinator {
  readonly #cluster: Cluster
  readonly #events: CoordinatorEvents
  readonly #dispatcher: Dispatcher
  readonly #submissions = new Set<Submission>()
  readonly #placements: Placements
  readonly #notes: Notes
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
    this.#dispatcher = new Dispatcher(cluster, {
      place: (submission, slot) => this.#place(submission, slot),
      starved: (submission) =>
        this.#settle(submission, {
          kind: 'failed',
          error: new NoWorkers(submission.name, settings.workersWait),
        }),
      ask: () => events.ask(),
    })
  }

  get stats(): CoordinatorStats {
    const { queued } = this.#dispatcher
    return { ...this.#counts, queued, placed: this.#placements.size }
  }

  /** How many tasks of this name may be with workers at once. */
  credit(name: string): number {
    return this.#dispatcher.find(name)?.credit ?? 0
  }

  /** How many tasks each worker was given, by peer: what a picture of the mesh shows. */
  shares(name: string): Map<PeerId, { assigned: number; placed: number }> {
    const shares = new Map<PeerId, { assigned: number; placed: number }>()
    for (const slot of this.#dispatcher.find(name)?.slots.values() ?? []) {
      shares.set(slot.peer, { assigned: slot.assigned, placed: slot.tasks.size })
    }
    return shares
  }

  /** The names that some peer has defined. */
  names(): string[] {
    return this.#dispatcher.names()
  }

  /** @throws {Busy} when as much waits as may wait */
  submit(options: SubmissionOptions): Submission {
    if (this.#closed) throw new RingmeshError('Closed', 'the task service is closed')
    const { size } = options.input
    if (this.#submissions.size >= settings.queueTasks || this.#bytes + size > settings.queueBytes) {
      throw new Busy(
        `${this.#submissions.size} tasks wait here already`,
        this.#dispatcher.retryAfter(options.name),
      )
    }
    const submission = newSubmission(this.#cluster.self, this.#nextNumber++, options)
    this.#submissions.add(submission)
    this.#bytes += size
    this.#counts.submitted++
    const { timeout } = options
    if (timeout !== undefined) {
      submission.deadline = this.#cluster.runtime.timer(timeout, () =>
        this.cancel(submission, new Timeout(`the task ${JSON.stringify(options.name)}`, timeout)),
      )
    }
    this.#dispatcher.push(submission)
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
    this.#dispatcher.offered(peer, offers)
  }

  /** A member's state changed: whether it is given work follows. */
  memberChanged(member: Pick<Member, 'id' | 'state'>): void {
    this.#dispatcher.memberChanged(member)
  }

  /** A peer is dead or has left: what it has is taken back at once. */
  memberDown(peer: PeerId): void {
    this.#notes.forget(peer)
    const placements = this.#placements.of(peer)
    this.#dispatcher.memberDown(peer)
    for (const placement of placements) this.#takeBack(placement, 'its peer dropped out of the mesh')
    this.#dispatcher.pumpAll()
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
    this.#dispatcher.pump(submission.name)
  }

  /** Calls `idle` once, as soon as nothing is submitted that has not settled. */
  whenIdle(idle: () => void): void {
    this.#idle = idle
    this.#checkIdle()
  }

  /** Ends every task with `error` and takes no more. */
  close(error: RingmeshError): void {
    this.#closed = true
    this.#dispatcher.close()
    for (const submission of [...this.#submissions]) this.cancel(submission, error)
    this.#notes.flush()
    this.#placements.close()
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
      this.#dispatcher.push(submission)
    })
  }

  #returned(submission: Submission, slot: Slot, { reason }: Report & { kind: 'returned' }): void {
    this.#counts.returned++
    if (reason === 'unknown') this.#dispatcher.withdraw(submission.name, slot.peer)
    this.#requeue(submission, slot, reason !== 'aborted')
  }

  /** Back to the front of its queue; the worker that would not take it is left alone for a moment. */
  #requeue(submission: Submission, slot: Slot, unstarted = true): void {
    if (unstarted) submission.run--
    slot.pausedUntil = this.#cluster.runtime.now() + settings.busyPause
    this.#dispatcher.putBack(submission)
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
    if (!this.#gaveUp(submission)) this.#dispatcher.putBack(submission)
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
    this.#dispatcher.remove(submission)
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

  #expired(placements: readonly Placement[]): void {
    for (const placement of placements) {
      this.#takeBack(placement, `its worker was not heard from for ${settings.lease} ms`)
    }
    this.#dispatcher.pumpAll()
  }

  #note(worker: PeerId, task: number): void {
    if (worker !== this.#cluster.self) this.#notes.add(worker, task)
  }

  #roundTrip(worker: PeerId): number {
    return worker === this.#cluster.self
      ? 0
      : (this.#cluster.member(worker)?.rtt ?? settings.unknownRoundTrip)
  }
}
