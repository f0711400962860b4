import type { Log } from '../../src/runtime/index.js'

/** Warnings of one kind within a second that are written as they come. */
const inFull = 20

/**
 * Keeps a flood of refusals from becoming a flood of lines, which would fill a disk and cost more than the refusals
 * do: of warnings with the same message and reason the first of a second are written, and then how many more there
 * were. What is not a warning is written always.
 */
export function sparingLog(log: Log): Log {
  const written = new Map<string, number>()
  const end = (): void => {
    for (const [kind, lines] of written) {
      if (lines > inFull)
        log('warn', 'more warnings of one kind than are written in a second', { kind, more: lines - inFull })
    }
    written.clear()
  }
  return (level, message, details) => {
    if (level === 'warn') {
      const kind = details?.reason === undefined ? message : `${message}: ${details.reason}`
      if (written.size === 0) setTimeout(end, 1_000).unref()
      const lines = (written.get(kind) ?? 0) + 1
      written.set(kind, lines)
      if (lines > inFull) return
    }
    log(level, message, details)
  }
}
