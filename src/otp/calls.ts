import type { Runtime } from '../runtime/index.js'
import { type Deadline, Deadlines } from './deadlines.js'
import type { ExitReason } from './exit.js'

/** How a call ended. */
export type CallOutcome =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: ExitReason }

/** Something that knows of calls on their way to it, and settles them when it ends. */
export interface CallHolder {
  forget(call: PendingCall): void
}

/** A call that has not been answered. */
export class PendingCall {
  readonly id: number
  /** The process, or the remote peer, whose end ends this call. */
  holder: CallHolder | undefined
  deadline: Deadline | undefined
  readonly settle: (outcome: CallOutcome) => void

  constructor(id: number, settle: (outcome: CallOutcome) => void) {
    this.id = id
    this.settle = settle
  }
}

/** The calls that were made on this peer and wait for their answers. An answer that finds no call is late, and dropped. */
export class Calls {
  readonly #deadlines: Deadlines
  readonly #waiting = new Map<number, PendingCall>()
  #next = 1

  constructor(runtime: Runtime) {
    this.#deadlines = new Deadlines(runtime)
  }

  get size(): number {
    return this.#waiting.size
  }

  /** @param timeout - milliseconds; `Infinity` for none */
  open(timeout: number, settle: (outcome: CallOutcome) => void): PendingCall {
    const call = new PendingCall(this.#next++, settle)
    this.#waiting.set(call.id, call)
    if (timeout !== Number.POSITIVE_INFINITY) {
      call.deadline = this.#deadlines.add(timeout, this.#expire, call.id)
    }
    return call
  }

  get(id: number): PendingCall | undefined {
    return this.#waiting.get(id)
  }

  readonly #expire = (id: number, after: number): void =>
    this.settle(id, { ok: false, reason: { type: 'timeout', after } })

  /** Ends a call; does nothing when it has ended. */
  settle(id: number, outcome: CallOutcome): void {
    const call = this.#waiting.get(id)
    if (call === undefined) return
    this.#waiting.delete(id)
    call.deadline?.cancel()
    call.holder?.forget(call)
    call.settle(outcome)
  }
}
