import { isPlanted } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import { broadcast } from './broadcast.js'
import { shutdown } from './exit.js'
import type { Place } from './placed-directory.js'
import { type Epoch, isBelievable, isLater } from './placed-epoch.js'
import { entryOf, type Instance } from './placed-instance.js'
import { goOn, mergeSnapshot } from './placed-merges.js'
import type { PlacedRemains } from './placed-remains.js'
import type { PlacedRouter } from './placed-router.js'
import type { PlacedState } from './placed-state.js'
import { requestTimeout } from './placed-timing.js'
import type { ServerProcess } from './server-process.js'

/**
 * Who runs what in which epoch, told to all and heard from all. Of two peers that both run a process
 * the later epoch stays; the other is fenced: it gives its snapshot to be merged, and stops.
 */
export class PlacedEpochs {
  readonly #state: PlacedState
  readonly #router: PlacedRouter
  readonly #remains: PlacedRemains

  constructor(state: PlacedState, router: PlacedRouter, remains: PlacedRemains) {
    this.#state = state
    this.#router = router
    this.#remains = remains
  }

  /** Tells everybody that it runs here. */
  announce(instance: Instance, process: ServerProcess): void {
    const { cluster } = this.#state
    cluster.runtime.trace('placed.run', instance.placed, instance.key, instance.epoch, process.ref.id)
    this.learn(cluster.self, entryOf(instance, process))
    broadcast(cluster, { type: 'placed.at', entries: [entryOf(instance, process)] })
  }

  /** Hears that `owner` runs it. A process of ours gives way to a later epoch. */
  learn(owner: PeerId, entry: { placed: string; key: string; epoch: number; process: string }): void {
    const { cluster, directory, instances } = this.#state
    const { placed, key, epoch, process } = entry
    if (!isBelievable(entry)) return
    const known = directory.get(placed, key)
    const latest = directory.latest(placed, key)
    const heard: Place = { epoch, owner, process }
    const instance = instances.get(placed, key)
    const stale = known !== undefined && isLater(known, heard) && directory.isHere(known.owner)
    if (isPlanted('no-epoch-check')) {
      directory.set(placed, key, heard)
      return
    }
    if (!stale) directory.set(placed, key, heard)
    if (owner === cluster.self) return
    if (instance === undefined) {
      // It was started by a peer that had not heard of the one before, which is gone.
      if (!stale && latest !== undefined && isLater(latest, heard)) this.tellOver(owner, placed, key)
      return
    }
    if (isLater(heard, { epoch: instance.epoch, owner: cluster.self })) {
      if (!isPlanted('former-goes-on')) this.#fence(instance, heard)
    } else if (instance.process !== undefined) {
      // A former owner, who has not heard of us: it stops when it does.
      const { id } = instance.process.ref
      directory.set(placed, key, {
        epoch: instance.epoch,
        owner: cluster.self,
        process: id,
      })
      cluster.send(owner, { type: 'placed.at', entries: [entryOf(instance, instance.process)] })
    }
  }

  /** Tells a peer which epoch there was before its own, or before the one that it is to begin. */
  tellOver(peer: PeerId, placed: string, key: string): void {
    const { cluster, directory } = this.#state
    const latest = directory.latest(placed, key)
    if (latest !== undefined)
      cluster.send(peer, { type: 'placed.gone', placed, key, epoch: latest.epoch, now: null })
  }

  /** That epoch was, and is over: what runs here goes on in a later one. */
  over(placed: string, key: string, epoch: Epoch): void {
    const { directory, instances } = this.#state
    directory.heard(placed, key, epoch)
    const instance = instances.get(placed, key)
    if (instance !== undefined) this.keepUp(instance)
  }

  /**
   * Has what runs here go on in an epoch later than any that was heard of, as when it was started where
   * nobody knew of the one before: nobody who was answered in that one is answered in an earlier one.
   */
  keepUp(instance: Instance): void {
    const { cluster, directory, records } = this.#state
    const { placed, key, process } = instance
    const before: Epoch = { epoch: instance.epoch, owner: cluster.self }
    const latest = directory.latest(placed, key)
    // One that moves has been promised to its next owner, who hears of it too.
    if (process === undefined || instance.state !== 'running') return
    if (latest === undefined || !isLater(latest, before) || isPlanted('no-epoch-check')) return
    goOn(instance, cluster.self, latest.epoch + 1)
    this.announce(instance, process)
    records.read(placed, key, (record) => {
      // What the one before left behind, if it is still there, is unknown to ours.
      if (record === undefined || record === 'unreadable') return
      if (instance.process !== process || instance.state !== 'running') return
      if (record.snapshot !== undefined && record.owner !== cluster.self && isLater(record, before))
        mergeSnapshot(instance, record)
    })
  }

  /** Somebody took over while we were cut off: give what we have, and stop. */
  #fence(instance: Instance, survivor: Place): void {
    const { cluster, instances, world } = this.#state
    const { process } = instance
    const { placed, key, epoch, args } = instance
    cluster.runtime.trace('placed.fence', placed, key, epoch, instance.state, survivor.owner, survivor.epoch)
    instance.state = 'moving'
    // Before it is forgotten: a page that leaves waits for it.
    const bring = process === undefined || instance.isOffered ? undefined : this.#remains.expect()
    instance.sequences.flush()
    const queue = instance.queue.splice(0)
    // A move of ours that is being answered: its answer ends it, and forwards what waits.
    instances.forget(instance)
    for (const started of instance.started.splice(0)) started('elsewhere')
    for (const message of queue) this.#router.forward(message, survivor.owner)
    if (process === undefined) return
    const stop = (): void => world.signal(process, shutdown)
    // The move that is under way tells whether its snapshot was taken, and brings it where it belongs if not.
    if (bring === undefined) {
      stop()
      return
    }
    const tell = (snapshot: unknown): void =>
      bring(snapshot === undefined ? undefined : { placed, key, epoch, args, snapshot })
    let hasTold = false
    const bound = cluster.runtime.timer(requestTimeout, stop)
    process.monitor(() => {
      bound.cancel()
      if (!hasTold) this.#lastKept(instance, tell)
    })
    process.deliver({
      kind: 'snapshot',
      done: (snapshot) => {
        hasTold = true
        tell(snapshot)
        stop()
      },
    })
  }

  /** What was last written down of one that ended before it could tell what it held, unless that is in the one in its place. */
  #lastKept({ placed, key, epoch }: Instance, done: (snapshot: unknown) => void): void {
    const { cluster, records } = this.#state
    records.read(placed, key, (record) => {
      const kept = record === undefined || record === 'unreadable' ? [] : [record, ...record.beside]
      done(kept.find((one) => one.owner === cluster.self && one.epoch === epoch)?.snapshot)
    })
  }
}
