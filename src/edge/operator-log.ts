import type { Log } from '../index.node.js'

/** Writes what an operator should know to standard error, where the logs of a service are looked for: all but details for developers. */
export const operatorLog: Log = (level, message, details) => {
  if (level === 'debug') return
  console.error(`ringmesh: ${message}`, ...(details === undefined ? [] : [details]))
}
