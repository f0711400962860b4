import { type ExitReason, reasonOfThrow } from './exit.js'
import type { Process } from './process.js'

/**
 * Runs code of the user's for a process, which may be asynchronous; what comes after the process has
 * ended is dropped. `world.current` is the process until the first `await`.
 */
export function runUserCode(
  world: { current: Process | undefined },
  process: Process,
  code: () => unknown,
  done: (value: unknown) => void,
  failed: (reason: ExitReason) => void,
): void {
  const before = world.current
  world.current = process
  let value: unknown
  try {
    value = code()
  } catch (thrown) {
    world.current = before
    failed(reasonOfThrow(thrown))
    return
  }
  world.current = before
  if (isThenable(value)) {
    value.then(
      (later) => {
        if (process.alive) done(later)
      },
      (thrown) => {
        if (process.alive) failed(reasonOfThrow(thrown))
      },
    )
  } else if (process.alive) done(value)
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  )
}
