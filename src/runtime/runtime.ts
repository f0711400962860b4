/** A timer that has been set and may be taken back. */
export interface Timer {
  /** Takes the timer back; does nothing when it has fired or was cancelled already. */
  cancel(): void
}

/** How much a log line matters. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

/** Writes one line for a person: what happened, and the values that explain it. */
export type Log = (level: LogLevel, message: string, details?: Readonly<Record<string, unknown>>) => void

/**
 * The outer world as floors 1 to 4 see it. Everything there that asks for the time, for chance or
 * for a timer asks here, so that the simulator can run the same code a thousand times as fast and
 * give the same answer for the same seed.
 *
 * Timers fire one at a time, never inside the call that set them, and never before their time; how
 * late they fire is not promised, as a hidden tab is given one tick a second.
 */
export interface Runtime {
  /** Milliseconds since an arbitrary start; never runs backwards. For durations and time-outs. */
  now(): number
  /** Milliseconds since 1970 by this machine's clock; may jump either way. For version stamps only. */
  wallClock(): number
  /** A number in [0, 1), uniformly distributed. */
  random(): number
  /** Calls `fire` once, `delay` milliseconds from now (0 means: as soon as the stack is empty). */
  timer(delay: number, fire: () => void): Timer
  /** Writes to the log that the host reads. */
  readonly log: Log
  /** Records a step for the inspector and for the simulator's trace hash; must be cheap. */
  trace(event: string, ...details: readonly (string | number | boolean)[]): void
}
