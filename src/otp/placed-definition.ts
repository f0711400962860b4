import type { GenServerClass } from './gen-server.js'

/** How this peer hosts the processes of one name. */
export interface DefineProcessOptions {
  /** Milliseconds from a handled message until its effect is in the kept snapshot, at most; 1,000 when not given. */
  readonly snapshotEvery?: number
}

/** What this peer can host: the class behind a name. */
export interface PlacedDefinition {
  readonly server: GenServerClass
  readonly snapshotEvery: number
}

const defaultSnapshotEvery = 1_000

/** A definition with the defaults filled in. */
export function placedDefinition(server: GenServerClass, options: DefineProcessOptions): PlacedDefinition {
  return { server, snapshotEvery: options.snapshotEvery ?? defaultSnapshotEvery }
}
