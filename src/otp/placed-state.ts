import type { Cluster } from '../mesh/index.js'
import type { Message, PeerId } from '../wire/index.js'
import type { CallOutcome } from './calls.js'
import type { ExitReason } from './exit.js'
import type { GenServerClass } from './gen-server.js'
import type { PlacedDefinition } from './placed-definition.js'
import { PlacedDirectory } from './placed-directory.js'
import { PlacedInstances } from './placed-instances.js'
import { PlacedRecords } from './placed-records.js'
import type { ProcessRef } from './ref.js'
import type { ServerProcess } from './server-process.js'
import type { StartResult } from './server-world.js'
import type { SnapshotStore } from './snapshot-store.js'

/** What placement needs of this page's processes. */
export interface PlacementWorld {
  launchPlaced(
    server: GenServerClass,
    args: unknown,
    snapshot: unknown,
    done: (result: StartResult) => void,
  ): ServerProcess
  request(
    target: ProcessRef,
    request: unknown,
    timeout: number,
    settle: (outcome: CallOutcome) => void,
  ): () => void
  settle(call: number, outcome: CallOutcome): void
  /** Sends an answer to the peer that called; `refusal` instead of one that cannot be had there. */
  answer(peer: PeerId, answer: Message, refusal: (reason: ExitReason) => Message): void
  /** The call is in the hands of that peer. */
  hold(peer: PeerId, call: number): void
  soon(act: () => void): void
  signal(process: ServerProcess, reason: ExitReason): void
}

/** What the parts of placement share: what this peer can run, what it runs, and what it knows of the others. */
export class PlacedState {
  readonly cluster: Cluster
  readonly world: PlacementWorld
  /** By the name of the class. */
  readonly definitions = new Map<string, PlacedDefinition>()
  readonly directory: PlacedDirectory
  readonly instances: PlacedInstances
  readonly records: PlacedRecords
  /** Whether this page has left: nothing starts any more. */
  isClosed = false

  constructor(cluster: Cluster, world: PlacementWorld, store: SnapshotStore | undefined) {
    this.cluster = cluster
    this.world = world
    this.records = new PlacedRecords(store, cluster.runtime)
    this.instances = new PlacedInstances(cluster.runtime)
    this.directory = new PlacedDirectory(cluster, (placed) => this.definitions.has(placed))
  }
}
