import { isPlanted } from '../runtime/index.js'
import { type Message, type PeerId, unpackValue } from '../wire/index.js'
import { broadcast } from './broadcast.js'
import { type ExitReason, isAbnormal, noproc, shutdown } from './exit.js'
import { type Epoch, isBelievable, isLater } from './placed-epoch.js'
import type { PlacedEpochs } from './placed-epochs.js'
import { type Instance, noHost, type PlacedMessage, type PlacedStart } from './placed-instance.js'
import { goOn, mergeBeside, mergeBrought } from './placed-merges.js'
import type { PlacedRouter } from './placed-router.js'
import type { PlacedSnapshots } from './placed-snapshots.js'
import type { PlacedState } from './placed-state.js'
import { unpackExpected } from './sequences.js'
import type { ServerProcess } from './server-process.js'
import type { StartResult } from './server-world.js'
import { allHandled, including } from './version-vector.js'

/** Milliseconds until a record that could not be read is asked for again: its owners answer or are replaced within seconds. */
const rereadDelay = 1_000

/** How often it is tried to write an epoch down. */
const mostRecordings = 3

/** Why it did not start: another peer has to try. */
function unreadable(placed: string): ExitReason {
  return { type: 'error', name: 'Unreadable', message: `the last snapshot of ${placed} cannot be read now` }
}

/**
 * Runs placed processes on this peer: starts them anew, from their records or from what a former
 * owner hands over; restarts or forgets them when they end.
 */
export class PlacedHost {
  readonly #state: PlacedState
  readonly #router: PlacedRouter
  readonly #epochs: PlacedEpochs
  readonly #snapshots: PlacedSnapshots
  readonly #started: () => void

  /** @param started - called whenever one has started: it may have to run elsewhere by now */
  constructor(
    state: PlacedState,
    router: PlacedRouter,
    epochs: PlacedEpochs,
    snapshots: PlacedSnapshots,
    started: () => void,
  ) {
    this.#state = state
    this.#router = router
    this.#epochs = epochs
    this.#snapshots = snapshots
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
    const started = (outcome: PlacedStart): void => {
      if (outcome === 'elsewhere') done('')
      else done(null, outcome)
    }
    const instance = instances.get(placed, key)
    if (instance !== undefined) {
      if (instance.state === 'running') done(null)
      else if (instance.state === 'moving') done('')
      else instance.started.push(started)
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
    fresh.started.push(started)
    this.#readAndRun(fresh, true)
  }

  /** It should run here and does not: from its record, if it has one. */
  revive(placed: string, key: string, message?: PlacedMessage): void {
    const { definitions, instances, records, isClosed } = this.#state
    if (!definitions.has(placed) || !records.kept || isClosed) {
      if (!records.kept) this.#nothingLeft(placed, key)
      if (message !== undefined) this.#router.fail(message, noproc)
      return
    }
    const instance = instances.add(placed, key, undefined)
    if (message !== undefined) instance.queue.push(message)
    this.#readAndRun(instance, false)
  }

  /** Starts what its owner hands over, from the snapshot that comes with it; or merges it into what runs here already. */
  takeOver(
    message: Extract<Message, { type: 'placed.take' }>,
    from: PeerId,
    done: (taken: boolean) => void,
  ): void {
    const { definitions, directory, instances } = this.#state
    const { placed, key, epoch } = message
    if (!isBelievable(message)) {
      done(false)
      return
    }
    // All of it before anything is begun: what cannot be read throws.
    const args = unpackValue(message.args)
    const snapshot = unpackValue(message.snapshot)
    const expected = unpackExpected(message.sequences).filter(([sender]) => directory.isHere(sender))
    const present = instances.get(placed, key)
    if (present !== undefined) {
      this.#takeIn(present, { epoch, owner: from }, snapshot, done)
      return
    }
    const latest = directory.latest(placed, key)
    const isFormer = latest !== undefined && isLater(latest, { epoch, owner: from })
    if (!definitions.has(placed) || (isFormer && !isPlanted('no-epoch-check'))) {
      if (isFormer && !directory.isHere(latest.owner)) this.#epochs.tellOver(from, placed, key)
      done(false)
      return
    }
    const instance = instances.add(placed, key, args)
    instance.from = 'former'
    instance.epoch = this.#after({ epoch, owner: from })
    instance.includes = [{ epoch, owner: from, handled: allHandled }]
    instances.recount(instance, expected)
    instance.started.push((outcome) => done(outcome === undefined))
    this.#recordAndLaunch(instance, snapshot)
  }

  /** It runs here already, as its owner was thought gone or was fenced: what that one held comes in by merging. */
  #takeIn(present: Instance, theirs: Epoch, snapshot: unknown, done: (taken: boolean) => void): void {
    if (present.state === 'starting') {
      present.started.push((outcome) => {
        if (outcome === undefined) this.#takeIn(present, theirs, snapshot, done)
        else done(false)
      })
      return
    }
    // One that moves has given its snapshot away already.
    if (present.state === 'moving' || present.process === undefined || isPlanted('former-goes-on')) {
      done(false)
      return
    }
    const { cluster } = this.#state
    mergeBrought(present, theirs, snapshot)
    if (isLater(theirs, { epoch: present.epoch, owner: cluster.self }) && !isPlanted('no-epoch-check')) {
      goOn(present, cluster.self, this.#after(theirs))
      this.#epochs.announce(present, present.process)
    }
    done(true)
  }

  /** The number of an epoch of this peer that is later than one that was offered to it; the same where that suffices. */
  #after(offered: Epoch): number {
    const { self } = this.#state.cluster
    return isLater({ epoch: offered.epoch, owner: self }, offered) ? offered.epoch : offered.epoch + 1
  }

  /** Reads the record for the snapshot and the epoch. `fresh`: starts also without one. */
  #readAndRun(instance: Instance, fresh: boolean): void {
    const { cluster, directory, instances, records } = this.#state
    const { placed, key } = instance
    records.read(placed, key, (record) => {
      if (!instances.isCurrent(instance)) return
      if (record === 'unreadable') {
        // To start without it would be to lose what it holds, and to write over it.
        if (directory.homeOf(placed, key) !== cluster.self)
          this.#drop(instance, unreadable(placed), 'elsewhere')
        else
          cluster.runtime.timer(rereadDelay, () => {
            if (instances.isCurrent(instance)) this.#readAndRun(instance, fresh)
          })
        return
      }
      if (record === undefined && !fresh) {
        this.#nothingLeft(placed, key)
        this.#drop(instance, noproc)
        return
      }
      if (record !== undefined) instance.args = record.args
      instance.from = record === undefined ? 'nothing' : 'record'
      instance.includes = record === undefined ? [] : including(record.includes, record)
      instance.beside = record?.beside ?? []
      instance.epoch = Math.max(directory.latest(placed, key)?.epoch ?? 0, record?.epoch ?? 0) + 1
      this.#recordAndLaunch(instance, record?.snapshot)
    })
  }

  /**
   * Writes the epoch down before anything runs in it. One that cannot be written after some tries
   * runs all the same: a page that is cut off from the others has nobody to write to.
   */
  #recordAndLaunch(instance: Instance, snapshot: unknown, tries = mostRecordings): void {
    const { cluster, definitions, instances, world } = this.#state
    this.#snapshots.save(instance, snapshot, instance.includes, (isKept) => {
      if (!instances.isCurrent(instance)) return
      if (isKept === false && tries > 1) {
        cluster.runtime.timer(rereadDelay, () => {
          if (instances.isCurrent(instance)) this.#recordAndLaunch(instance, snapshot, tries - 1)
        })
        return
      }
      const definition = definitions.get(instance.placed)
      if (definition === undefined) {
        this.#drop(instance, noHost(instance.placed))
        return
      }
      world.launchPlaced(definition.server, instance.args, snapshot, (result) =>
        this.#launched(instance, result),
      )
    })
  }

  #launched(instance: Instance, result: StartResult): void {
    const { instances, world } = this.#state
    if (result.kind !== 'ok') {
      if (instances.isCurrent(instance)) this.#failed(instance, result)
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
    process.onHandled(() => {
      instance.handled++
      this.#snapshots.saveSoon(instance, process)
    })
    this.#epochs.announce(instance, process)
    for (const started of instance.started.splice(0)) started(undefined)
    mergeBeside(this.#state, instance)
    for (const message of instance.queue.splice(0)) this.#router.accept(instance, message)
    this.#started()
  }

  /** It has state only where that was handed over or recorded, which no failing `init` takes away. */
  #failed(instance: Instance, result: Exclude<StartResult, { kind: 'ok' }>): void {
    const reason: ExitReason = result.kind === 'failed' ? result.reason : { type: 'normal' }
    const { placed, key, from } = instance
    if (from === 'nothing') {
      this.#end(instance, reason)
      return
    }
    this.#state.cluster.runtime.log('error', 'a process did not start from what it held', {
      placed,
      key,
      reason,
    })
    this.#drop(instance, reason)
  }

  #ended(instance: Instance, process: ServerProcess, reason: ExitReason): void {
    const { instances } = this.#state
    if (!instances.isCurrent(instance) || instance.process !== process) return
    instance.process = undefined
    instance.state = 'starting'
    // What was held back for its turn has reached nobody yet: it waits for the next, or is refused.
    instance.sequences.flush()
    if (isAbnormal(reason) && instance.intensity.count()) {
      instances.recount(instance)
      this.#readAndRun(instance, true)
    } else this.#end(instance, reason)
  }

  /** It has ended for good, or could not start: its record goes, and everybody forgets it. */
  #end(instance: Instance, reason: ExitReason): void {
    const { cluster, directory, records } = this.#state
    const { placed, key, epoch } = instance
    directory.delete(placed, key)
    this.#router.forget(placed, key)
    records.delete(placed, key, { epoch, owner: cluster.self })
    broadcast(cluster, { type: 'placed.gone', placed, key, epoch, now: null })
    this.#drop(instance, reason)
  }

  /** What ran on a page that is gone left nothing to start from: everybody forgets it, and reminds us no more. */
  #nothingLeft(placed: string, key: string): void {
    const { cluster, directory } = this.#state
    const place = directory.get(placed, key)
    directory.delete(placed, key)
    if (place !== undefined)
      broadcast(cluster, { type: 'placed.gone', placed, key, epoch: place.epoch, now: null })
  }

  #drop(instance: Instance, reason: ExitReason, outcome: PlacedStart = reason): void {
    this.#state.instances.forget(instance)
    for (const started of instance.started.splice(0)) started(outcome)
    for (const message of instance.queue.splice(0)) this.#router.fail(message, reason)
  }
}
