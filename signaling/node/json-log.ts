import type { Log, LogLevel } from '../../src/runtime/index.js'

const order: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/** Longest text of a single detail in a line: what a stranger sends does not fill the disk. */
const longestDetail = 500

/** A log of one JSON object a line: time, level, message, details. */
export function jsonLog(write: (line: string) => void, least: LogLevel = 'info'): Log {
  return (level, message, details = {}) => {
    if (order.indexOf(level) < order.indexOf(least)) return
    write(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...details }, plain)}\n`)
  }
}

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Error) return { name: value.name, message: value.message, stack: value.stack }
  return typeof value === 'string' && value.length > longestDetail
    ? `${value.slice(0, longestDetail)}…`
    : value
}
