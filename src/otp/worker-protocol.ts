import type { ExitReason } from './exit.js'

/** What a page's side of a worker process tells the side in the thread, beside calls. */
export type ToServer =
  | readonly [kind: 'cast' | 'info', message: unknown]
  | readonly [kind: 'stop', reason: ExitReason]
  /** `parent`: the signal is from the one that started the process. */
  | readonly [kind: 'exit', from: { peer: string; id: string }, reason: ExitReason, parent: boolean]

/** What the side in the thread tells the page. */
export type FromServer =
  | readonly [kind: 'trap', trapping: boolean]
  | readonly [kind: 'ended', reason: ExitReason]
