import type { Log, Runtime } from './runtime.js'

export interface SystemRuntimeOptions {
  /** Where log lines go; the default writes warnings and errors to the console. */
  log?: Log
  /** Receives every traced step; the default drops them. */
  trace?: Runtime['trace']
}

const consoleLog: Log = (level, message, details) => {
  if (level === 'warn' || level === 'error') console[level](`ringmesh: ${message}`, details ?? '')
}

/** A random 32-bit word at a time is slow to fetch; a block this long makes it cheap. */
const wordsPerBlock = 256

/** Milliseconds, 24.8 days: platforms keep delays as 32-bit integers, and fire at once what is longer (HTML, timers). */
const longestTimer = 0x7fffffff

/** The real world: the monotonic clock, the wall clock, the platform's timers and secure chance. */
export function systemRuntime(options: SystemRuntimeOptions = {}): Runtime {
  const words = new Uint32Array(wordsPerBlock)
  let next = wordsPerBlock
  return {
    now: () => performance.now(),
    wallClock: () => Date.now(),
    random() {
      if (next === wordsPerBlock) {
        crypto.getRandomValues(words)
        next = 0
      }
      return (words[next++] as number) / 2 ** 32
    },
    timer(delay, fire) {
      let handle: ReturnType<typeof setTimeout>
      const wait = (left: number): void => {
        handle =
          left > longestTimer
            ? setTimeout(() => wait(left - longestTimer), longestTimer)
            : setTimeout(fire, left)
      }
      wait(delay)
      return { cancel: () => clearTimeout(handle) }
    },
    log: options.log ?? consoleLog,
    trace: options.trace ?? (() => {}),
  }
}
