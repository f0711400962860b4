import type { ThrownLink } from './thrown.js'

/** What a pool asks of the task functions in a thread, as a call. */
export type ThreadRequest = readonly [
  number: number,
  name: string,
  input: unknown,
  id: string,
  attempt: number,
  progress: boolean,
]

/** The answer. */
export type ThreadAnswer =
  | readonly [done: true, value: unknown]
  | readonly [done: false, links: readonly ThrownLink[]]

/** As a cast: nobody wants the result of this number any more. */
export type ThreadAbort = readonly [number: number, reason: string]

/** As an event: the progress of this number. */
export type ThreadProgress = readonly [number: number, value: unknown]
