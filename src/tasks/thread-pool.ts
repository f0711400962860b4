import type { Runtime, Timer } from '../runtime/index.js'
import { type OpenThread, Thread, type ThreadExit, type ThreadOutcome, transfer } from '../threads/index.js'
import { fullJitter } from './backoff.js'
import { Payload } from './payload.js'
import type { Run, RunContext, RunEnd, Runner } from './runner.js'
import { settings } from './settings.js'
import type { ThreadAbort, ThreadAnswer, ThreadProgress, ThreadRequest } from './thread-protocol.js'
import { describeThrown, fromLinks, type Thrown } from './thrown.js'

export interface ThreadPoolOptions {
  readonly runtime: Runtime
  /** The name under which the thread's script exposes the function. */
  readonly name: string
  /** How many threads there may be. */
  readonly size: number
  /** Starts a thread. May throw. */
  readonly open: OpenThread
}

interface Job {
  readonly number: number
  readonly input: Payload
  readonly context: RunContext
  readonly end: (how: RunEnd) => void
  seat: Seat | undefined
  aborted: Error | undefined
  grace: Timer | undefined
}

/** A thread and what was posted to it, in order: the first is the one that it runs. */
interface Seat {
  thread: Thread | undefined
  readonly jobs: Job[]
  /** When its last answer came, or its first job was posted. */
  since: number
  /** Whether it ever answered. */
  proved: boolean
  ended: boolean
}

/**
 * Runs a task in threads of this page: one after the other in each. Threads are started when they
 * are needed and kept; one that dies is replaced, and what had been posted to it and not begun goes
 * to others. A task that ignores its signal for a second is ended with its thread.
 *
 * Short tasks are posted ahead, up to 2 ms of work for each thread, because a message there and
 * back costs as much as they do; longer ones one by one, so that none waits behind a slow one.
 */
export class ThreadPool implements Runner {
  readonly #options: ThreadPoolOptions
  readonly #seats: Seat[] = []
  #waiting: Job[] = []
  #nextNumber = 1
  /** Smoothed time of one task in a thread, in milliseconds. */
  #took: number | undefined
  /** Threads in a row that died before they answered anything. */
  #duds = 0
  #respawn: Timer | undefined
  #stopped = false

  constructor(options: ThreadPoolOptions) {
    this.#options = options
  }

  get depth(): number {
    if (this.#took === undefined) return 1
    const ahead = Math.floor(
      settings.postAhead / Math.max(this.#took, settings.postAhead / settings.mostAhead),
    )
    return Math.max(1, Math.min(settings.mostAhead, ahead))
  }

  /** How many threads there are now. */
  get threads(): number {
    return this.#seats.length
  }

  start(input: Payload, context: RunContext, end: (how: RunEnd) => void): Run {
    const job: Job = {
      number: this.#nextNumber++,
      input,
      context,
      end,
      seat: undefined,
      aborted: undefined,
      grace: undefined,
    }
    this.#waiting.push(job)
    this.#dispatch()
    return { abort: (reason) => this.#abort(job, reason) }
  }

  stop(): void {
    this.#stopped = true
    this.#respawn?.cancel()
    const waiting = this.#waiting
    this.#waiting = []
    for (const job of waiting) this.#endSoon(job, stopped)
    for (const { thread } of [...this.#seats]) thread?.terminate('its task was taken back')
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const seat = this.#freeSeat()
      if (seat === undefined) return
      const job = this.#waiting.shift()
      if (job !== undefined) this.#post(job, seat)
    }
  }

  /** An idle thread, else a new one, else the one with the least posted ahead. */
  #freeSeat(): Seat | undefined {
    let best: Seat | undefined
    for (const seat of this.#seats) {
      if (best === undefined || seat.jobs.length < best.jobs.length) best = seat
    }
    if (best?.jobs.length === 0) return best
    if (this.#seats.length < this.#options.size && this.#respawn === undefined && !this.#stopped) {
      return this.#open()
    }
    return best !== undefined && best.jobs.length < this.depth ? best : undefined
  }

  #open(): Seat {
    const { runtime, open } = this.#options
    const seat: Seat = { thread: undefined, jobs: [], since: runtime.now(), proved: false, ended: false }
    this.#seats.push(seat)
    try {
      seat.thread = new Thread({
        runtime,
        open,
        start: undefined,
        // A task may compute for as long as it likes; its time-out and its signal end it, not silence.
        heartbeat: false,
        events: {
          started: () => {},
          refused: () => this.#ended(seat),
          event: (value) => this.#progress(seat, value as ThreadProgress),
          exit: () => this.#ended(seat),
        },
      })
    } catch (error) {
      seat.ended = true
      runtime.timer(0, () => this.#neverOpened(seat, describeThrown(error)))
    }
    return seat
  }

  /** The page's factory threw: what was posted fails with what it threw. */
  #neverOpened(seat: Seat, thrown: Thrown): void {
    const [first, ...rest] = seat.jobs.splice(0)
    this.#waiting.unshift(...rest)
    this.#ended(seat)
    if (first !== undefined) this.#end(first, { kind: 'failed', thrown })
  }

  #post(job: Job, seat: Seat): void {
    const { runtime, name } = this.#options
    let request: ThreadRequest
    let parts: readonly Transferable[]
    try {
      const taken = job.input.take()
      parts = taken.transfer
      request = [job.number, name, taken.value, job.context.id, job.context.attempt, job.context.listened]
    } catch (error) {
      this.#endSoon(job, { kind: 'failed', thrown: describeThrown(error) })
      return
    }
    if (parts.length > 0) transfer(request as unknown as object, parts)
    if (seat.jobs.length === 0) seat.since = runtime.now()
    job.seat = seat
    seat.jobs.push(job)
    try {
      seat.thread?.call(request, (outcome) => this.#answered(job, seat, outcome))
    } catch (error) {
      seat.jobs.splice(seat.jobs.indexOf(job), 1)
      this.#endSoon(job, { kind: 'failed', thrown: describeThrown(error) })
    }
  }

  #answered(job: Job, seat: Seat, outcome: ThreadOutcome): void {
    if (outcome.kind === 'exit') {
      this.#lost(job, seat, outcome.exit)
      return
    }
    const index = seat.jobs.indexOf(job)
    if (index !== -1) seat.jobs.splice(index, 1)
    const now = this.#options.runtime.now()
    this.#learn(now - seat.since)
    seat.since = now
    seat.proved = true
    this.#duds = 0
    // The next one of the thread has begun by now; if it is aborted, its time to obey begins.
    const next = seat.jobs[0]
    if (next?.aborted !== undefined) this.#limit(next)
    this.#end(job, endOf(outcome))
    this.#dispatch()
  }

  /** The thread died: the first of its jobs was running and failed with it, the others go elsewhere. */
  #lost(job: Job, seat: Seat, exit: ThreadExit): void {
    const wasRunning = !seat.ended
    seat.ended = true
    job.seat = undefined
    if (wasRunning || job.input.taken) {
      const { name, message, stack = '' } = exit
      const thrown = {
        name: 'ThreadExit',
        message: `its thread ended (${exit.kind}): ${message}`,
        stack: '',
        cause: { name, message, stack, cause: undefined },
      }
      this.#end(job, { kind: 'failed', thrown })
    } else if (job.aborted !== undefined || this.#stopped) this.#end(job, stopped)
    else this.#waiting.unshift(job)
  }

  /** Every job of it has been settled. */
  #ended(seat: Seat): void {
    const index = this.#seats.indexOf(seat)
    if (index === -1) return
    this.#seats.splice(index, 1)
    seat.ended = true
    if (this.#stopped) return
    if (!seat.proved) this.#duds++
    if (this.#duds > 0) {
      // A script that never serves must not be started over and over without a pause.
      const { runtime } = this.#options
      const range = { first: settings.firstBackoff, longest: settings.longestBackoff }
      this.#respawn ??= runtime.timer(fullJitter(runtime, this.#duds, range), () => {
        this.#respawn = undefined
        this.#dispatch()
      })
    }
    this.#dispatch()
  }

  #abort(job: Job, reason: Error): void {
    if (job.aborted !== undefined) return
    job.aborted = reason
    const { seat } = job
    if (seat === undefined) {
      const index = this.#waiting.indexOf(job)
      if (index !== -1) this.#waiting.splice(index, 1)
      this.#endSoon(job, stopped)
      return
    }
    seat.thread?.cast([job.number, reason.message] satisfies ThreadAbort)
    if (seat.jobs[0] === job) this.#limit(job)
  }

  /** The job runs and should not: it has a second to end by itself. */
  #limit(job: Job): void {
    job.grace ??= this.#options.runtime.timer(settings.abortGrace, () => {
      job.seat?.thread?.terminate('its task ignored its signal')
    })
  }

  #progress(seat: Seat, [number, value]: ThreadProgress): void {
    const job = seat.jobs.find((one) => one.number === number)
    if (job === undefined) return
    try {
      job.context.progress(value)
    } catch (error) {
      this.#options.runtime.log('warn', 'a progress value of a task cannot be cloned and was dropped', {
        task: this.#options.name,
        error: String(error),
      })
    }
  }

  #learn(took: number): void {
    this.#took = this.#took === undefined ? took : this.#took + (took - this.#took) / settings.tookSamples
  }

  #endSoon(job: Job, how: RunEnd): void {
    this.#options.runtime.timer(0, () => this.#end(job, how))
  }

  #end(job: Job, how: RunEnd): void {
    job.grace?.cancel()
    job.end(how)
  }
}

const stopped: RunEnd = {
  kind: 'failed',
  thrown: { name: 'Aborted', message: 'the run was aborted', stack: '', cause: undefined },
}

function endOf(outcome: Exclude<ThreadOutcome, { kind: 'exit' }>): RunEnd {
  if (outcome.kind !== 'result') {
    const { name, message, stack = '' } = outcome.error
    return { kind: 'failed', thrown: { name, message, stack, cause: undefined } }
  }
  const answer = outcome.value as ThreadAnswer
  return answer[0]
    ? { kind: 'done', output: Payload.owned(answer[1]) }
    : { kind: 'failed', thrown: fromLinks(answer[1]) }
}
