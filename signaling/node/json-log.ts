import type { Log, LogLevel } from '../../src/runtime/index.js'

const order: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']

/** Longest text of a single detail in a line: what a stranger sends does not fill the disk. */
const longestDetail = 500

/** A log of one JSON object a line: time, level, message, details. */
export function jsonLog(write: (line: string) => void, least: LogLevel = 'info'): Log {
  return (level, message, details = {}) => {
    if (order.indexOf(level) < order.indexOf(least)) return
    const line = JSON.stringify({ time: new Date().toISOString(), level, message, ...details }, plain)
    write(`${line.replace(deceptive, escaped)}\n`)
  }
}

/**
 * What JSON leaves as it is and a terminal or a viewer obeys: control characters above ASCII, line separators, and what
 * turns the direction of writing around. Strangers choose the names of rooms.
 */
const deceptive = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Error) return { name: value.name, message: value.message, stack: value.stack }
  return typeof value === 'string' && value.length > longestDetail
    ? `${value.slice(0, longestDetail)}…`
    : value
}
