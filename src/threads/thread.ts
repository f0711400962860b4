import type { Runtime, Timer } from '../runtime/index.js'
import { Outbox } from './outbox.js'
import { plainError } from './plain-error.js'
import type { OpenThread, PlainError, ThreadExit, ThreadExitKind, ThreadPort } from './port.js'
import { toPage, toThread } from './protocol.js'

/** How a call to a thread ended. */
export type ThreadOutcome =
  | { readonly kind: 'result'; readonly value: unknown }
  /** The service answered with an error. */
  | { readonly kind: 'failure'; readonly error: PlainError }
  /** The request cannot be cloned; the thread never saw it. */
  | { readonly kind: 'unclonable'; readonly error: PlainError }
  /** The thread is gone; whether it did the work is unknown. */
  | { readonly kind: 'exit'; readonly exit: ThreadExit }

export interface ThreadEvents {
  /** The service has started. Called at most once. */
  started(value: unknown): void
  /** The service could not start: what it threw. The thread is terminated; `exit` does not follow. */
  refused(error: PlainError): void
  /** What the service told of its own accord. */
  event(value: unknown): void
  /** The thread is gone; nothing follows. Every call in flight has been settled before. Called at most once. */
  exit(exit: ThreadExit): void
}

export interface Heartbeat {
  /** Milliseconds between two questions; 2,000 when not given. */
  readonly every?: number
  /** Milliseconds that the thread's event loop may stay silent before it is killed; 10,000 when not given. */
  readonly patience?: number
}

export interface ThreadOptions {
  readonly runtime: Runtime
  readonly open: OpenThread
  /** What the service starts with. */
  readonly start: unknown
  /** Milliseconds from now until the service must have started; 30,000 when not given: scripts come over the network. */
  readonly startTimeout?: number
  /** False: never asks, a hang is not seen. */
  readonly heartbeat?: Heartbeat | false
  readonly events: ThreadEvents
}

const defaultStartTimeout = 30_000
const defaultHeartbeat = { every: 2_000, patience: 10_000 }

/** A timer this much late shows that the page itself slept, and proves nothing about the thread (DESIGN.md, rule 2). */
const lateTimer = 1_000

/**
 * A thread of ours and the service in it, seen from the page: starts it, asks it, watches that its
 * event loop turns, and knows when and how it ended, which the platform by itself does not tell
 * (an error event is not a worker's death, a loop or `self.close()` shows nothing).
 */
export class Thread {
  readonly #runtime: Runtime
  readonly #events: ThreadEvents
  readonly #port: ThreadPort
  readonly #outbox: Outbox
  readonly #calls = new Map<number, (outcome: ThreadOutcome) => void>()
  readonly #start: unknown
  readonly #heartbeat: Required<Heartbeat> | undefined
  #nextCall = 1
  #ready = false
  #ended = false
  #heard = true
  #silence = 0
  #startTimer: Timer | undefined
  #heartbeatTimer: Timer | undefined

  constructor(options: ThreadOptions) {
    this.#runtime = options.runtime
    this.#events = options.events
    this.#start = options.start
    this.#heartbeat = options.heartbeat === false ? undefined : { ...defaultHeartbeat, ...options.heartbeat }
    this.#outbox = new Outbox(
      (message, transfer) => this.#port.post(message, transfer),
      true,
      (kind, id, error) => this.#unclonable(kind, id, error),
    )
    const startTimeout = options.startTimeout ?? defaultStartTimeout
    if (startTimeout !== Number.POSITIVE_INFINITY) {
      this.#startTimer = options.runtime.timer(startTimeout, () =>
        this.#end('load', {
          name: 'Timeout',
          message: `the thread did not ${this.#ready ? 'start its service' : 'load and call expose'} in ${startTimeout} ms`,
        }),
      )
    }
    this.#port = options.open({
      message: (data) => this.#receive(data),
      error: (error) => this.#end(this.#ready ? 'uncaught' : 'load', error),
      unreadable: () =>
        this.#end('unclonable', { name: 'DataCloneError', message: 'a message could not be read' }),
      gone: () =>
        this.#end(this.#ready ? 'closed' : 'load', { name: 'Closed', message: 'the thread closed itself' }),
    })
  }

  /** True from the start until the thread's end. */
  get alive(): boolean {
    return !this.#ended
  }

  /** Calls that wait for their answer. */
  get inFlight(): number {
    return this.#calls.size
  }

  /**
   * Asks the service; `settle` is called exactly once, unless the call is given up.
   *
   * @returns gives the call up: `settle` is not called any more, and the service is told
   * @throws {RingmeshError} `QueueFull`
   */
  call(request: unknown, settle: (outcome: ThreadOutcome) => void): () => void {
    const id = this.#nextCall++
    this.#outbox.push(toThread.call, id, request)
    this.#calls.set(id, settle)
    return () => {
      if (this.#calls.delete(id) && !this.#ended) this.#outbox.push(toThread.cancel, id, undefined)
    }
  }

  /** Tells the service something and waits for nothing. @throws {RingmeshError} `QueueFull` */
  cast(message: unknown): void {
    if (!this.#ended) this.#outbox.push(toThread.cast, 0, message)
  }

  /** Ends the thread at once. Calls in flight settle with this exit, and the event `exit` follows. Idempotent. */
  terminate(message = 'its owner ended it'): void {
    this.#end('terminated', { name: 'Terminated', message })
  }

  #receive(data: unknown): void {
    if (this.#ended) return
    this.#heard = true
    // Only our own code posts from a thread, but a script may post something of its own: not a batch, not ours.
    if (!Array.isArray(data) || data.length % 3 !== 0) return
    for (let index = 0; index < data.length && !this.#ended; index += 3) {
      this.#handle(data[index] as number, data[index + 1] as number, data[index + 2])
    }
  }

  #handle(kind: number, id: number, value: unknown): void {
    switch (kind) {
      case toPage.ready:
        if (this.#ready) return
        this.#ready = true
        this.#outbox.release([toThread.start, 0, this.#start])
        this.#beat()
        return
      case toPage.started:
        this.#startTimer?.cancel()
        this.#events.started(value)
        return
      case toPage.refused:
        this.#silentlyEnd({ ...(value as PlainError), kind: 'terminated' })
        this.#events.refused(value as PlainError)
        return
      case toPage.result:
        this.#settle(id, { kind: 'result', value })
        return
      case toPage.failure:
        this.#settle(id, { kind: 'failure', error: value as PlainError })
        return
      case toPage.event:
        this.#events.event(value)
        return
      case toPage.exit: {
        const { kind, ...error } = value as ThreadExit
        this.#end(kind, error)
        return
      }
    }
  }

  #settle(id: number, outcome: ThreadOutcome): void {
    const settle = this.#calls.get(id)
    if (settle === undefined) return
    this.#calls.delete(id)
    settle(outcome)
  }

  #unclonable(kind: number, id: number, thrown: unknown): void {
    const error = plainError(thrown)
    if (kind === toThread.call) this.#settle(id, { kind: 'unclonable', error })
    else if (kind === toThread.start) this.#end('unclonable', error)
    else
      this.#runtime.log('warn', 'a message to a thread cannot be cloned and was dropped', {
        error: error.message,
      })
  }

  /** Asks the event loop whether it turns; any message since the last question is an answer. */
  #beat(): void {
    const heartbeat = this.#heartbeat
    if (heartbeat === undefined) return
    const due = this.#runtime.now() + heartbeat.every
    this.#heartbeatTimer = this.#runtime.timer(heartbeat.every, () => {
      const late = this.#runtime.now() - due > lateTimer
      this.#silence = this.#heard || late ? 0 : this.#silence + heartbeat.every
      this.#heard = false
      if (this.#silence >= heartbeat.patience) {
        this.#end('hang', {
          name: 'Hang',
          message: `the thread's event loop did not turn for ${heartbeat.patience} ms`,
        })
        return
      }
      this.#outbox.push(toThread.ping, 0, undefined)
      this.#beat()
    })
  }

  #end(kind: ThreadExitKind, error: PlainError): void {
    if (this.#ended) return
    const exit = { ...error, kind }
    this.#silentlyEnd(exit)
    this.#events.exit(exit)
  }

  #silentlyEnd(exit: ThreadExit): void {
    this.#ended = true
    this.#startTimer?.cancel()
    this.#heartbeatTimer?.cancel()
    this.#port.terminate()
    const calls = [...this.#calls.values()]
    this.#calls.clear()
    for (const settle of calls) settle({ kind: 'exit', exit })
  }
}
