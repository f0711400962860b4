import { execFileSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

/** What a Linux system lets be said of a process; false where it has no such command, or does not allow it. */
function said(command: string, ...flags: string[]): boolean {
  try {
    execFileSync(command, flags, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/**
 * Lets a process run when nobody else wants the core, and no moment longer (`SCHED_IDLE`): the lowest ordinary
 * priority still has slices of some milliseconds, for which others wait.
 */
export function onlyWhenIdle(pid: number): boolean {
  return said('chrt', '--all-tasks', '--idle', '--pid', '0', String(pid))
}

/**
 * Gives the first thread of one process, where its JavaScript runs, the first core for itself, and leaves the others
 * to all the rest, its own helper threads among it.
 */
export function onCoreOfItsOwn(pid: number, rest: readonly number[]): boolean {
  const cores = availableParallelism()
  if (cores < 2) return false
  const others = `1-${cores - 1}`
  return (
    [pid, ...rest].every((each) =>
      said('taskset', '--all-tasks', '--cpu-list', '--pid', others, String(each)),
    ) && said('taskset', '--cpu-list', '--pid', '0', String(pid))
  )
}
