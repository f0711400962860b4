import type { Runtime } from '../runtime/index.js'
import { type ExitReason, killed, shutdown as shutdownReason } from './exit.js'
import type { Process } from './process.js'

/** How long an end may take: milliseconds, `Infinity`, or no time at all. */
export type Shutdown = number | 'brutal_kill'

/**
 * Ends a child as OTP does: asks by the exit signal `shutdown`, and kills when the time is up;
 * `brutal_kill` does not ask. Calls `done` once the child has ended, with what it ended with.
 */
export function stopChild(
  runtime: Runtime,
  supervisor: Process,
  child: Process,
  shutdown: Shutdown,
  done: (reason: ExitReason) => void,
): void {
  if (child.reason !== undefined) {
    done(child.reason)
    return
  }
  const timer =
    shutdown === 'brutal_kill' || shutdown === Number.POSITIVE_INFINITY
      ? undefined
      : runtime.timer(shutdown, () => child.signal(supervisor.ref, killed))
  child.monitor((reason) => {
    timer?.cancel()
    done(reason)
  })
  // Unlinked first, so that the end is told once, here, and not also as an exit message.
  child.unlink(supervisor.ref)
  child.signal(supervisor.ref, shutdown === 'brutal_kill' ? killed : shutdownReason)
}
