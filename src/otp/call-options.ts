/** How long a call waits. */
export interface CallOptions {
  /** Milliseconds to wait for the answer; 5,000 when not given, as in OTP. `Infinity` waits as long as the process lives. */
  readonly timeout?: number
}

/** How long a stop waits. */
export interface StopOptions {
  /** Milliseconds to wait for the end; 5,000 when not given. The process is not killed after it. */
  readonly timeout?: number
}

/** OTP's default for calls, and here also for starts and stops, which nothing may wait for without an end. */
export const defaultTimeout = 5_000
