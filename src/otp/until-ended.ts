import type { Runtime } from '../runtime/index.js'
import { ExitError, type ExitReason, isSame } from './exit.js'

/**
 * Waits for the end of a process that is being stopped.
 *
 * @param monitor - has `down` called with the reason of its end; gives the way back
 * @throws {ExitError} `timeout`; the reason when it ended with another one than `wanted`
 */
export function untilEnded(
  runtime: Runtime,
  monitor: (down: (reason: ExitReason) => void) => () => void,
  wanted: ExitReason,
  timeout: number,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer =
      timeout === Number.POSITIVE_INFINITY
        ? undefined
        : runtime.timer(timeout, () => {
            demonitor()
            reject(new ExitError({ type: 'timeout', after: timeout }, 'stop'))
          })
    const demonitor = monitor((ended) => {
      timer?.cancel()
      if (isSame(ended, wanted)) resolve()
      else reject(new ExitError(ended, 'stop'))
    })
  })
}
