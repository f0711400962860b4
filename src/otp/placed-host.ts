import { isPlanted } from '../runtime/index.js'
import { type Message, unpackValue } from '../wire/index.js'
import { broadcast } from './broadcast.js'
import { type ExitReason, isAbnormal, noproc, shutdown } from './exit.js'
import { GenServer } from './gen-server.js'
import type { PlacedDefinition } from './placed-definition.js'
import type { PlacedEpochs } from './placed-epochs.js'
import { type Instance, noHost, type PlacedMessage } from './placed-instance.js'
import type { PlacedRouter } from './placed-router.js'
import type { PlacedState } from './placed-state.js'
import type { ServerProcess, StartResult } from './server-process.js'

/**
 * Runs placed processes on this peer: starts them anew, from their records or from what a former
 * owner hands over; writes their snapshots down while they run; restarts or forgets them when they end.
 */
export class PlacedHost {
  readonly #state: PlacedState
  readonly #router: PlacedRouter
  readonly #epochs: PlacedEpochs
  readonly #started: () => void

  /** @param started - called whenever one has started: it may have to run elsewhere by now */
  constructor(state: PlacedState, router: PlacedRouter, epochs: PlacedEpochs, started: () => void) {
    this.#state = state
    this.#router = router
    this.#epochs = epochs
    this.#started = started
  }

  /** Has it run here, or says who should run it: `''` where nobody can say yet, null where it runs here. */
  ensure(
    placed: string,
    key: string,
    args: unknown,
    done: (elsewhere: string | null, reason?: ExitReason) => void,
  ): void {
    const { cluster, definitions, directory, instances } = this.#state
    const instance = instances.get(placed, key)
    if (instance !== undefined) {
      if (instance.state === 'running') done(null)
      else if (instance.state === 'moving') done('')
      else instance.started.push((reason) => done(null, reason))
      return
    }
    const owner = directory.ownerOf(placed, key)
    if (owner !== cluster.self) {
      done(owner ?? '')
      return
    }
    if (!definitions.has(placed)) {
      done(null, noHost(placed))
      return
    }
    const fresh = instances.add(placed, key, args)
    fresh.started.push((reason) => done(null, reason))
    this.#readAndRun(fresh, true)
  }

  /** It should run here and does not: from its record, if it has one. */
  revive(placed: string, key: string, message?: PlacedMessage): void {
    const { definitions, instances, records } = this.#state
    if (!definitions.has(placed) || !records.kept) {
      if (message !== undefined) this.#router.fail(message, noproc)
      return
    }
    const instance = instances.add(placed, key, undefined)
    if (message !== undefined) instance.queue.push(message)
    this.#readAndRun(instance, false)
  }

  /** Starts what its owner hands over, from the snapshot that comes with it. */
  takeOver(message: Extract<Message, { type: 'placed.take' }>, done: (taken: boolean) => void): void {
    const { definitions, instances } = this.#state
    const { placed, key, epoch } = message
    const present = instances.get(placed, key)
    if (present !== undefined) {
      // We took it up already, thinking the other gone: what it has comes in by merging.
      const merge = { kind: 'merge', snapshot: unpackValue(message.snapshot) } as const
      present.process?.deliver(merge)
      if (message.epoch > present.epoch && !isPlanted('no-epoch-check')) {
        present.epoch = message.epoch
        if (present.process !== undefined) this.#epochs.announce(present, present.process)
      }
      done(present.process !== undefined)
      return
    }
    if (!definitions.has(placed)) {
      done(false)
      return
    }
    const instance = instances.add(placed, key, unpackValue(message.args))
    instance.epoch = epoch
    instances.recount(instance, unpackValue(message.sequences) as [string, number][])
    instance.started.push((reason) => done(reason === undefined))
    this.#recordAndLaunch(instance, unpackValue(message.snapshot))
  }

  /** Reads the record for the snapshot and the epoch. `fresh`: starts also without one. */
  #readAndRun(instance: Instance, fresh: boolean): void {
    const { directory, instances, records } = this.#state
    const { placed, key } = instance
    const known = directory.get(placed, key)?.epoch ?? 0
    records.read(placed, key, (record) => {
      if (!instances.isCurrent(instance)) return
      if (record === undefined && !fresh) {
        directory.delete(placed, key)
        this.#drop(instance, noproc)
        return
      }
      if (record !== undefined) instance.args = record.args
      instance.epoch = Math.max(known, record?.epoch ?? 0) + 1
      this.#recordAndLaunch(instance, record?.snapshot)
    })
  }

  /** Writes the epoch down before anything runs in it. */
  #recordAndLaunch(instance: Instance, snapshot: unknown): void {
    const { definitions, instances, world } = this.#state
    this.save(instance, snapshot, () => {
      if (!instances.isCurrent(instance)) return
      const definition = definitions.get(instance.placed)
      if (definition === undefined) {
        this.#drop(instance, noHost(instance.placed))
        return
      }
      world.launchPlaced(definition.server, instance.args, snapshot, (result) =>
        this.#launched(instance, definition, result),
      )
    })
  }

  #launched(instance: Instance, definition: PlacedDefinition, result: StartResult): void {
    const { instances, world } = this.#state
    if (result.kind !== 'ok') {
      const reason: ExitReason = result.kind === 'failed' ? result.reason : { type: 'normal' }
      if (instances.isCurrent(instance)) this.#end(instance, reason)
      return
    }
    const process = result.process as ServerProcess
    if (!instances.isCurrent(instance)) {
      world.signal(process, shutdown)
      return
    }
    instance.process = process
    instance.state = 'running'
    process.monitor((reason) => this.#ended(instance, process, reason))
    if (process.server.snapshot !== GenServer.prototype.snapshot) {
      process.onHandled(() => this.#saveSoon(instance, process, definition.snapshotEvery))
    }
    this.#epochs.announce(instance, process)
    for (const started of instance.started.splice(0)) started(undefined)
    for (const message of instance.queue.splice(0)) this.#router.accept(instance, message)
    this.#started()
  }

  #ended(instance: Instance, process: ServerProcess, reason: ExitReason): void {
    const { instances } = this.#state
    if (!instances.isCurrent(instance) || instance.process !== process) return
    instance.process = undefined
    if (isAbnormal(reason) && instance.intensity.count()) {
      instance.state = 'starting'
      instances.recount(instance)
      this.#readAndRun(instance, true)
    } else this.#end(instance, reason)
  }

  /** It has ended for good, or could not start: its record goes, and everybody forgets it. */
  #end(instance: Instance, reason: ExitReason): void {
    const { cluster, directory, records } = this.#state
    const { placed, key, epoch } = instance
    directory.delete(placed, key)
    records.delete(placed, key)
    broadcast(cluster, { type: 'placed.gone', placed, key, epoch, now: null })
    this.#drop(instance, reason)
  }

  #drop(instance: Instance, reason: ExitReason): void {
    this.#state.instances.forget(instance)
    for (const started of instance.started.splice(0)) started(reason)
    for (const message of instance.queue.splice(0)) this.#router.fail(message, reason)
  }

  #saveSoon(instance: Instance, process: ServerProcess, delay: number): void {
    const { cluster, instances } = this.#state
    if (instance.saving !== undefined) return
    instance.saving = cluster.runtime.timer(delay, () => {
      instance.saving = undefined
      if (!instances.isCurrent(instance) || instance.process !== process || instance.state !== 'running')
        return
      process.deliver({
        kind: 'snapshot',
        done: (snapshot) => {
          if (instances.isCurrent(instance) && instance.process === process)
            this.save(instance, snapshot, () => {})
        },
      })
    })
  }

  /** Writes it down for its next owner. `done` also where that failed, which is logged. */
  save(instance: Instance, snapshot: unknown, done: () => void): void {
    const { cluster, records } = this.#state
    const { placed, key, epoch, args } = instance
    records.save(placed, key, { epoch, owner: cluster.self, args, snapshot }, done)
  }
}
