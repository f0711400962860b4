import type { Process } from './process.js'
import type { ProcessRef, ViaName } from './ref.js'

/** How a process is to be started, by whoever starts it. */
export interface LaunchOptions {
  readonly args?: unknown
  readonly name?: string | ViaName | undefined
  /** Becomes its parent, and is linked to it. */
  readonly parent?: Process | undefined
  /** Counts as its parent, with no link here: the parent is on the other side of a thread. */
  readonly parentRef?: ProcessRef
  /** Milliseconds that the start may take; the launcher's own default when not given. */
  readonly timeout?: number | undefined
  readonly snapshot?: unknown
}
