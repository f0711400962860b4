import type { Process } from './process.js'
import type { ProcessRef, ViaName } from './ref.js'
import type { StartResult } from './server-world.js'
import type { ProcessSystem } from './system.js'

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

const launcher: unique symbol = Symbol('launcher')

/** Something that starts processes of its own kind under a supervisor: `worker(…)`, a supervisor of another kind. */
export interface Launcher {
  readonly [launcher]: true
  /** As supervisors count it. */
  readonly kind: 'worker' | 'supervisor'
  /** What it starts, for people. */
  readonly label: string
  launch(system: ProcessSystem, options: LaunchOptions, done: (result: StartResult) => void): void
}

/** Makes a {@link Launcher}. */
export function makeLauncher(parts: Omit<Launcher, typeof launcher>): Launcher {
  return { ...parts, [launcher]: true }
}

export function isLauncher(given: unknown): given is Launcher {
  return typeof given === 'object' && given !== null && launcher in given
}
