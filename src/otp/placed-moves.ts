import { isPlanted, type Timer } from '../runtime/index.js'
import { type Message, type PeerId, packValue } from '../wire/index.js'
import { broadcast } from './broadcast.js'
import { shutdown } from './exit.js'
import type { Epoch } from './placed-epoch.js'
import type { PlacedEpochs } from './placed-epochs.js'
import type { PlacedHost } from './placed-host.js'
import type { Instance } from './placed-instance.js'
import type { PlacedRemains } from './placed-remains.js'
import type { PlacedRouter } from './placed-router.js'
import type { PlacedSnapshots } from './placed-snapshots.js'
import type { PlacedState } from './placed-state.js'
import { requestTimeout } from './placed-timing.js'
import type { ServerProcess } from './server-process.js'
import { including } from './version-vector.js'

/** Milliseconds until a move that failed is tried again at first; doubled for each that fails after it at the same peer. */
const shortestMoveDelay = 1_000

/** At most: each is a record written and a word to everybody, for nothing where the class is broken there. */
const longestMoveDelay = 8_000

/** Keeps processes on the owners of their keys: hands over what should run elsewhere, takes up what nobody runs. */
export class PlacedMoves {
  readonly #state: PlacedState
  readonly #router: PlacedRouter
  readonly #epochs: PlacedEpochs
  readonly #host: PlacedHost
  readonly #snapshots: PlacedSnapshots
  readonly #remains: PlacedRemains
  #rebalancing: { readonly timer: Timer; readonly at: number } | undefined

  constructor(
    state: PlacedState,
    router: PlacedRouter,
    epochs: PlacedEpochs,
    host: PlacedHost,
    snapshots: PlacedSnapshots,
    remains: PlacedRemains,
  ) {
    this.#state = state
    this.#router = router
    this.#epochs = epochs
    this.#host = host
    this.#snapshots = snapshots
    this.#remains = remains
  }

  /** Rebalances after `delay` milliseconds at most, once for all that ask meanwhile. */
  rebalanceSoon(delay = 0): void {
    const { cluster, isClosed } = this.#state
    const at = cluster.runtime.now() + delay
    if (isClosed || (this.#rebalancing !== undefined && this.#rebalancing.at <= at)) return
    this.#rebalancing?.timer.cancel()
    const timer = cluster.runtime.timer(delay, () => {
      this.#rebalancing = undefined
      this.rebalance()
    })
    this.#rebalancing = { timer, at }
  }

  /** Hands over what should run elsewhere, and takes up what ran on a peer that is gone. */
  rebalance(): void {
    const { cluster, directory, instances } = this.#state
    const { self, runtime } = cluster
    for (const instance of [...instances.values()]) {
      if (instance.state !== 'running') continue
      const home = directory.homeOf(instance.placed, instance.key)
      if (home === undefined || home === self) continue
      const { failedMove } = instance
      if (failedMove?.target !== home || failedMove.until <= runtime.now()) this.#move(instance, home)
    }
    directory.forgetStrangers()
    for (const [placed, key] of directory.orphans()) {
      if (!instances.has(placed, key) && directory.homeOf(placed, key) === self)
        this.#host.revive(placed, key)
    }
  }

  /** Pauses it, takes its snapshot, and hands it over. */
  #move(instance: Instance, target: PeerId): void {
    const { cluster, world } = this.#state
    const { process, placed, key } = instance
    if (process === undefined) return
    instance.state = 'moving'
    instance.sequences.flush()
    cluster.runtime.trace('placed.move', placed, key, target)
    if (isPlanted('stop-before-ack')) {
      instance.process = undefined
      world.signal(process, shutdown)
      this.#hand(instance, process, target, undefined)
      return
    }
    // After the messages that it was given already; those that come now wait with us.
    process.deliver({
      kind: 'snapshot',
      done: (snapshot) =>
        // The next owner finds what has been merged in the record, and does not merge it once more.
        this.#snapshots.writeMerged(instance, snapshot, () =>
          this.#hand(instance, process, target, snapshot),
        ),
    })
  }

  #hand(instance: Instance, process: ServerProcess, target: PeerId, snapshot: unknown): void {
    const { cluster, instances, world } = this.#state
    if (!instances.isCurrent(instance)) return
    const { placed, key, args } = instance
    const epoch = Math.max(instance.epoch, instance.offered) + 1
    instance.offered = epoch
    const stay = (): void => {
      if (!instances.isCurrent(instance) || instance.state !== 'moving') return
      instance.state = 'running'
      // What came since it was last written down may be in this snapshot alone.
      this.#snapshots.saveSoon(instance, process)
      for (const message of instance.queue.splice(0)) this.#router.accept(instance, message)
      const before =
        instance.failedMove?.target === target ? instance.failedMove.delay : shortestMoveDelay / 2
      const delay = Math.min(2 * before, longestMoveDelay)
      instance.failedMove = { target, delay, until: cluster.runtime.now() + delay }
      this.rebalanceSoon(delay)
    }
    let packed: Uint8Array<ArrayBuffer>
    try {
      packed = packValue(snapshot)
    } catch (error) {
      cluster.runtime.log('error', 'a snapshot cannot be packed', {
        placed,
        key,
        error: String(error),
      })
      stay()
      return
    }
    instance.isOffered = true
    const bringRemains = this.#remains.expect()
    const sequences = packValue(instance.sequences.expected())
    const message = {
      type: 'placed.take',
      placed,
      key,
      epoch,
      args: packValue(args),
      snapshot: packed,
      sequences,
    } as const
    cluster.request(target, message, requestTimeout, (outcome) => {
      const taken =
        outcome.kind === 'reply' &&
        outcome.message.type === 'placed.ensured' &&
        outcome.message.elsewhere === null &&
        outcome.message.reason === null
      if (!instances.isCurrent(instance)) {
        // Fenced meanwhile: one that runs already is told what this one held, unless the target has it.
        const isNeeded = !taken && snapshot !== undefined
        bringRemains(isNeeded ? { placed, key, epoch: instance.epoch, args, snapshot } : undefined)
        return
      }
      instance.isOffered = false
      if (!taken) {
        bringRemains(undefined)
        stay()
        if (outcome.kind !== 'timeout') this.#outlast(instance, { epoch, owner: target })
        return
      }
      const { process: there } = outcome.message as Extract<Message, { type: 'placed.ensured' }>
      const queue = instance.queue.splice(0)
      // Before the target is heard of: it takes over, and does not fence.
      instances.forget(instance)
      if (there !== null) {
        this.#epochs.learn(target, { placed, key, epoch, process: there })
        const now = { owner: target, process: there }
        broadcast(cluster, { type: 'placed.gone', placed, key, epoch: epoch - 1, now })
      }
      world.signal(process, shutdown)
      for (const waiting of queue) this.#router.forward(waiting, target)
      // Last, as a page that leaves waits for it.
      bringRemains(undefined)
    })
  }

  /**
   * One that was asked to take over has refused, or gone. It may have written its epoch down before, with
   * what it was given: what is written in an earlier one would lie beside that.
   */
  #outlast(instance: Instance, offered: Epoch): void {
    instance.includes = including(instance.includes, { ...offered, handled: 0 })
    this.#epochs.over(instance.placed, instance.key, offered)
  }

  close(): void {
    this.#rebalancing?.timer.cancel()
  }
}
