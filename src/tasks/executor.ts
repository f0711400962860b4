import { isPlanted, type Runtime, type Timer } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import type { Assignment, Report, ReturnReason } from './assignment.js'
import { Clients, type Finished } from './clients.js'
import { type Definition, Desk, type Held } from './desk.js'
import { Aborted } from './errors.js'
import { Payload } from './payload.js'
import { Progress } from './progress.js'
import type { RunEnd } from './runner.js'
import { settings } from './settings.js'

export interface ExecutorEvents {
  /** To be brought to `coordinator`. False: it could not be sent now. */
  report(coordinator: PeerId, report: Report): boolean
  /** To be brought to `coordinator`: the tasks of its that are held here. */
  renew(coordinator: PeerId, held: readonly (readonly [task: number, attempt: number])[]): void
}

/**
 * The worker's side: takes assignments up to the credit it granted, runs them, keeps their leases
 * alive from this thread, and says a result until it is noted.
 */
export class Executor {
  readonly #self: PeerId
  readonly #runtime: Runtime
  readonly #events: ExecutorEvents
  readonly #desks = new Map<string, Desk>()
  readonly #clients: Clients
  #held = 0
  #leaving = false
  #renewal: Timer | undefined
  #idle: (() => void) | undefined

  constructor(self: PeerId, runtime: Runtime, events: ExecutorEvents) {
    this.#self = self
    this.#clients = new Clients(self)
    this.#runtime = runtime
    this.#events = events
  }

  /** How many tasks run and wait here. */
  get load(): { running: number; waiting: number } {
    let running = 0
    let waiting = 0
    for (const desk of this.#desks.values()) {
      running += desk.running
      waiting += desk.waiting.size
    }
    return { running, waiting }
  }

  definitions(): Definition[] {
    return [...this.#desks.values()].map(({ definition }) => definition)
  }

  has(name: string): boolean {
    return this.#desks.has(name)
  }

  define(definition: Definition): void {
    this.#desks.set(definition.name, new Desk(definition))
  }

  /** Takes a definition back: what waits is returned, what runs runs to its end. */
  undefine(name: string): void {
    const desk = this.#desks.get(name)
    if (desk === undefined) return
    this.#desks.delete(name)
    for (const held of desk.waiting.drain()) this.#giveBack(held, 'unknown')
    if (desk.running === 0) desk.definition.runner.stop()
  }

  /**
   * This page was hidden: what has not started goes back to those who have a better place for it.
   * What is assigned from here on is taken: they know, and have none.
   */
  parked(): void {
    this.#giveBackWaiting('parked', (held) => held.coordinator !== this.#self)
  }

  /** From now on nothing is taken; what has not started is given back, what runs goes on. */
  leave(): void {
    this.#leaving = true
    this.#giveBackWaiting('leaving', () => true)
  }

  /** Calls `idle` once, as soon as nothing runs and every result has been noted. */
  whenIdle(idle: () => void): void {
    this.#idle = idle
    this.#checkIdle()
  }

  assign(coordinator: PeerId, assignment: Assignment): void {
    const { task, attempt, name } = assignment
    const client = this.#clients.get(coordinator)
    const held = client.held.get(task)
    if (held !== undefined) {
      if (attempt <= held.attempt) return
      // The lease ran out while it ran here, and it came back: it goes on under the new fence.
      if (!held.aborted) held.attempt = attempt
      else {
        const credit = this.#credit(held.desk, coordinator)
        this.#events.report(coordinator, { kind: 'returned', task, attempt, credit, reason: 'busy' })
      }
      return
    }
    const finished = client.finished.get(task)
    if (finished !== undefined) {
      // It is done already and only the word of it was lost.
      if (attempt < finished.report.attempt) return
      finished.report = { ...finished.report, attempt }
      this.#say(coordinator, finished)
      return
    }
    const desk = this.#desks.get(name)
    const reason = this.#reasonToRefuse(desk, coordinator)
    if (desk === undefined || reason !== undefined) {
      const credit = desk === undefined ? 0 : this.#credit(desk, coordinator)
      this.#events.report(coordinator, {
        kind: 'returned',
        task,
        attempt,
        credit,
        reason: reason ?? 'unknown',
      })
      return
    }
    const taken: Held = {
      coordinator,
      task,
      attempt,
      assignment,
      priority: assignment.priority,
      queued: false,
      desk,
      run: undefined,
      startedAt: 0,
      aborted: false,
      progress: assignment.progress
        ? new Progress(this.#runtime, (value) =>
            this.#events.report(coordinator, { kind: 'progress', task, attempt: taken.attempt, value }),
          )
        : undefined,
    }
    client.held.set(task, taken)
    desk.took(coordinator)
    this.#held++
    desk.waiting.push(taken)
    this.#startSome(desk)
    this.#keepRenewing()
  }

  /** The coordinator wants no result of this any more. */
  abort(coordinator: PeerId, task: number, attempt: number): void {
    const held = this.#clients.find(coordinator)?.held.get(task)
    if (held === undefined || held.attempt !== attempt || held.aborted) return
    if (held.desk.waiting.remove(held)) this.#giveBack(held, 'aborted')
    else this.#stop(held, new Aborted('nobody waits for the result of this task any more'))
  }

  /** The coordinator has these results. */
  noted(coordinator: PeerId, tasks: readonly number[]): void {
    const client = this.#clients.find(coordinator)
    if (client === undefined) return
    for (const task of tasks) client.finished.delete(task)
    this.#clients.forgetIdle(coordinator)
    this.#checkIdle()
  }

  /** The coordinator is gone for good: its tasks are stopped, its results dropped. */
  lost(coordinator: PeerId): void {
    const client = this.#clients.find(coordinator)
    if (client === undefined) return
    client.finished.clear()
    for (const held of [...client.held.values()]) {
      if (held.desk.waiting.remove(held)) this.#release(held)
      else this.#stop(held, new Aborted(`the peer ${coordinator}, which wanted the result, is gone`))
    }
    this.#clients.forgetIdle(coordinator)
    this.#checkIdle()
  }

  /** Stops everything at once. */
  close(): void {
    this.#renewal?.cancel()
    this.#renewal = undefined
    for (const coordinator of this.#clients.peers()) this.lost(coordinator)
    for (const desk of this.#desks.values()) desk.definition.runner.stop()
    this.#desks.clear()
  }

  /** The credit that a coordinator has for a definition: an equal share of it while several want it. */
  creditFor(name: string, coordinator: PeerId): number {
    const desk = this.#desks.get(name)
    return desk === undefined ? 0 : this.#credit(desk, coordinator)
  }

  /** Nothing is granted by one who leaves. */
  #credit(desk: Desk, coordinator: PeerId): number {
    if (this.#leaving) return 0
    return desk.credit(coordinator)
  }

  #reasonToRefuse(desk: Desk | undefined, coordinator: PeerId): ReturnReason | undefined {
    if (desk === undefined) return 'unknown'
    if (this.#leaving) return 'leaving'
    if (desk.isFullFor(coordinator) || this.#held >= settings.heldTasks) return 'busy'
    return undefined
  }

  #startSome(desk: Desk): void {
    while (desk.running < desk.capacity) {
      const held = desk.waiting.shift()
      if (held === undefined) return
      desk.running++
      held.startedAt = this.#runtime.now()
      const { id, run, input } = held.assignment
      const context = {
        id,
        attempt: run,
        listened: held.assignment.progress,
        progress: (value: unknown) => {
          const packed = Payload.pack(value, `progress of ${id}`)
          if (!held.aborted) held.progress?.say(packed)
        },
      }
      held.run = desk.definition.runner.start(input, context, (how) => this.#ended(held, how))
    }
  }

  #ended(held: Held, how: RunEnd): void {
    const { desk, coordinator, task, attempt } = held
    const took = Math.max(0, this.#runtime.now() - held.startedAt)
    desk.running--
    held.progress?.stop()
    this.#release(held)
    const credit = this.#credit(desk, coordinator)
    if (held.aborted) {
      this.#events.report(coordinator, { kind: 'returned', task, attempt, credit, reason: 'aborted' })
    } else {
      const report =
        how.kind === 'done'
          ? { kind: 'done' as const, task, attempt, credit, took, output: how.output }
          : { kind: 'failed' as const, task, attempt, credit, took, thrown: how.thrown }
      if (coordinator === this.#self) this.#events.report(coordinator, report)
      else {
        const finished = { report, saidAt: 0, until: this.#runtime.now() + 2 * settings.lease }
        const kept = this.#clients.get(coordinator).finished
        kept.set(task, finished)
        if (kept.size > settings.heldTasks) kept.delete(kept.keys().next().value ?? task)
        this.#say(coordinator, finished)
        this.#keepRenewing()
      }
    }
    if (this.#desks.get(desk.definition.name) !== desk && desk.running === 0) desk.definition.runner.stop()
    else this.#startSome(desk)
    this.#checkIdle()
  }

  #say(coordinator: PeerId, finished: Finished): void {
    finished.saidAt = this.#runtime.now()
    this.#events.report(coordinator, finished.report)
  }

  #stop(held: Held, reason: Error): void {
    held.aborted = true
    held.progress?.stop()
    held.run?.abort(reason)
  }

  #giveBackWaiting(reason: ReturnReason, which: (held: Held) => boolean): void {
    for (const desk of this.#desks.values()) {
      for (const held of desk.waiting.drain()) {
        if (which(held)) this.#giveBack(held, reason)
        else desk.waiting.push(held)
      }
    }
  }

  #giveBack(held: Held, reason: ReturnReason): void {
    this.#release(held)
    const { coordinator, task, attempt, desk } = held
    const credit = reason === 'unknown' ? 0 : this.#credit(desk, coordinator)
    this.#events.report(coordinator, { kind: 'returned', task, attempt, credit, reason })
  }

  #release(held: Held): void {
    const { coordinator, task, desk } = held
    const client = this.#clients.find(coordinator)
    if (client?.held.get(task) === held) client.held.delete(task)
    this.#held--
    desk.released(coordinator)
    this.#clients.forgetIdle(coordinator)
  }

  /** One renewal for each coordinator, however many of its tasks are held; results not noted are said again. */
  #keepRenewing(): void {
    if (this.#renewal !== undefined || !this.#clients.hasOthers()) return
    this.#renewal = this.#runtime.timer(settings.renewEvery, () => {
      this.#renewal = undefined
      const now = this.#runtime.now()
      for (const [coordinator, client] of this.#clients.others()) {
        for (const [task, finished] of client.finished) {
          if (now >= finished.until) client.finished.delete(task)
          else if (now - finished.saidAt >= settings.sayAgain) this.#say(coordinator, finished)
        }
        const held: [task: number, attempt: number][] = []
        for (const { task, attempt, run } of client.held.values()) {
          if (run !== undefined && isPlanted('lease-renewed-by-busy-worker')) continue
          held.push([task, attempt])
        }
        if (held.length > 0) this.#events.renew(coordinator, held)
        this.#clients.forgetIdle(coordinator)
      }
      this.#keepRenewing()
    })
  }

  #checkIdle(): void {
    const idle = this.#idle
    if (idle === undefined || !this.#clients.isIdle()) return
    this.#idle = undefined
    idle()
  }
}
