import { GenServer } from './gen-server.js'
import type { Instance } from './placed-instance.js'
import { mergeBeside } from './placed-merges.js'
import type { PlacedState } from './placed-state.js'
import type { ServerProcess } from './server-process.js'
import type { VersionVector } from './version-vector.js'

/** Writes down what placed processes hold while they run, for their next owners. */
export class PlacedSnapshots {
  readonly #state: PlacedState

  constructor(state: PlacedState) {
    this.#state = state
  }

  /** Writes it down a while from now, once for all that ask meanwhile. */
  saveSoon(instance: Instance, process: ServerProcess): void {
    const { cluster, definitions, instances } = this.#state
    const definition = definitions.get(instance.placed)
    const keepsNothing = process.server.snapshot === GenServer.prototype.snapshot
    if (instance.saving !== undefined || definition === undefined || keepsNothing) return
    instance.saving = cluster.runtime.timer(definition.snapshotEvery, () => {
      instance.saving = undefined
      if (!instances.isCurrent(instance) || instance.process !== process || instance.state !== 'running')
        return
      this.write(instance, process, (isKept) => {
        if (isKept === false && instances.isCurrent(instance) && instance.process === process)
          this.saveSoon(instance, process)
      })
    })
  }

  /** Takes its snapshot, after the messages that it was given already, and writes it down; unless it moved or ended before. */
  write(instance: Instance, process: ServerProcess, done: (isKept: boolean | 'unpackable') => void): void {
    // What is merged from now on is not in it.
    const { includes } = instance
    process.deliver({
      kind: 'snapshot',
      done: (snapshot) => {
        if (this.#state.instances.isCurrent(instance) && instance.process === process)
          this.save(instance, snapshot, includes, done)
      },
    })
  }

  /** Writes down a snapshot in which there is more than what the record says is in it; `done` at once where there is not. */
  writeMerged(instance: Instance, snapshot: unknown, done: () => void): void {
    if (!this.#state.instances.isCurrent(instance) || instance.written === instance.includes) done()
    else this.save(instance, snapshot, instance.includes, done)
  }

  /** Writes it down for its next owner; `done` with whether that succeeded. */
  save(
    instance: Instance,
    snapshot: unknown,
    includes: VersionVector,
    done: (isKept: boolean | 'unpackable') => void,
  ): void {
    const { cluster, instances, records } = this.#state
    const { placed, key, epoch, args, handled } = instance
    const record = { epoch, owner: cluster.self, args, snapshot, handled, includes }
    records.save(placed, key, record, (isKept, beside) => {
      instance.beside = beside
      if (isKept === true) instance.written = includes
      if (instances.isCurrent(instance)) mergeBeside(this.#state, instance)
      done(isKept)
    })
  }
}
