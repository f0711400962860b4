/**
 * What travels between a page and a thread: flat triples of kind, number and value, as many in one
 * posted array as were sent in one turn of the event loop. One clone of a long array is several
 * times cheaper than many clones of short ones.
 */
export const toThread = {
  /** The value that the service starts with. */
  start: 0,
  /** A request; answered under its number by `result` or `failure`. */
  call: 1,
  cast: 2,
  /** The asker of that number has given up. */
  cancel: 3,
  ping: 4,
} as const

export const toPage = {
  /** The service is there and listens. */
  ready: 0,
  /** The service has started; the value is what it gave. */
  started: 1,
  /** The service could not start. */
  refused: 2,
  result: 3,
  failure: 4,
  /** Anything that the service tells of its own accord. */
  event: 5,
  pong: 6,
  /** The thread is about to end; the value is a `ThreadExit`. */
  exit: 7,
} as const
