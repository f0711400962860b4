import type { Cluster } from '../mesh/index.js'
import { type Message, type PeerId, packValue, unpackValue } from '../wire/index.js'
import { broadcast } from './broadcast.js'
import type { PendingCall } from './calls.js'
import { type ExitReason, shutdown } from './exit.js'
import type { GenServerClass } from './gen-server.js'
import { packReason, unpackReason } from './packed-reason.js'
import { PlacedAudit } from './placed-audit.js'
import { type DefineProcessOptions, placedDefinition } from './placed-definition.js'
import { depart } from './placed-departure.js'
import { PlacedEpochs } from './placed-epochs.js'
import { PlacedHost } from './placed-host.js'
import { entryOf, noHost, type PlacedMessage } from './placed-instance.js'
import { mergeBeside } from './placed-merges.js'
import { PlacedMoves } from './placed-moves.js'
import { PlacedRemains } from './placed-remains.js'
import { PlacedRouter } from './placed-router.js'
import { PlacedSnapshots } from './placed-snapshots.js'
import { PlacedState, type PlacementWorld } from './placed-state.js'
import { requestTimeout, retryDelay } from './placed-timing.js'
import { type PlacedRef, ProcessRef } from './ref.js'
import type { SnapshotStore } from './snapshot-store.js'

/** Milliseconds that `place` tries for while the members do not agree yet on who owns the key. */
const placeTimeout = 10_000

const entriesPerMessage = 1_000

/**
 * Processes that run on the ring owner of their key, whichever peer that is.
 *
 * ```
 * planned move:  old owner                     new owner
 *                │ pause: messages wait            │
 *                │── take (epoch + 1, snapshot) ──▶│ record, start
 *                │◀── ensured ─────────────────────│──── at (epoch + 1) ──▶ everybody
 *                │ stop                            │
 *                │── what waited ─────────────────▶│
 *
 * crash:         the next owner reads the record, writes epoch + 1, starts from its snapshot
 * ```
 *
 * An owner that hears of a later epoch stops at once: it was cut off, and somebody else took over.
 */
export class Placement {
  readonly #state: PlacedState
  readonly #router: PlacedRouter
  readonly #epochs: PlacedEpochs
  readonly #host: PlacedHost
  readonly #moves: PlacedMoves
  readonly #audit: PlacedAudit
  readonly #stops: (() => void)[] = []
  /** Those who wait for `place`. */
  readonly #placing = new Set<(reason: ExitReason) => void>()

  constructor(cluster: Cluster, world: PlacementWorld, store: SnapshotStore | undefined) {
    const state = new PlacedState(cluster, world, store)
    const snapshots = new PlacedSnapshots(state)
    const remains = new PlacedRemains(state)
    this.#state = state
    this.#router = new PlacedRouter(state, {
      revive: (placed, key, message) => this.#host.revive(placed, key, message),
      keepUp: (instance) => this.#epochs.keepUp(instance),
    })
    this.#epochs = new PlacedEpochs(state, this.#router, remains)
    this.#host = new PlacedHost(state, this.#router, this.#epochs, snapshots, () =>
      this.#moves.rebalanceSoon(),
    )
    this.#moves = new PlacedMoves(state, this.#router, this.#epochs, this.#host, snapshots, remains)
    this.#audit = new PlacedAudit(state, this.#host, () => this.#moves.rebalanceSoon())
    this.#serve(snapshots, remains)
  }

  /** How many placed processes run here. */
  get size(): number {
    return this.#state.instances.size
  }

  /** What runs here. */
  instances(): { placed: string; key: string; epoch: number; ref: ProcessRef | undefined }[] {
    return [...this.#state.instances.values()].map(({ placed, key, epoch, process }) => ({
      placed,
      key,
      epoch,
      ref: process?.ref,
    }))
  }

  define(placed: string, server: GenServerClass, options: DefineProcessOptions = {}): void {
    const { cluster, definitions } = this.#state
    definitions.set(placed, placedDefinition(server, options))
    const types = [...definitions.keys()]
    broadcast(cluster, { type: 'placed.types', types })
    this.#moves.rebalanceSoon()
  }

  /** Where it runs now, as far as this peer has heard. */
  whereis({ placed, key }: PlacedRef): ProcessRef | undefined {
    const { directory } = this.#state
    const place = directory.get(placed, key)
    return place === undefined || !directory.isHere(place.owner)
      ? undefined
      : new ProcessRef(place.owner, place.process)
  }

  /** Has it run on the owner of its key; `done` with the reason where that cannot be. */
  place(placed: string, key: string, args: unknown, done: (reason: ExitReason | undefined) => void): void {
    const { cluster, directory } = this.#state
    const end = cluster.runtime.now() + placeTimeout
    const ended = (reason: ExitReason | undefined): void => {
      if (this.#placing.delete(ended)) done(reason)
    }
    this.#placing.add(ended)
    const attempt = (asked: PeerId | undefined): void => {
      if (!this.#placing.has(ended)) return
      if (this.#state.isClosed) {
        ended(shutdown)
        return
      }
      const owner = asked ?? directory.ownerOf(placed, key)
      const left = end - cluster.runtime.now()
      if (left <= 0) {
        ended(owner === undefined ? noHost(placed) : { type: 'timeout', after: placeTimeout })
        return
      }
      const again = (next?: PeerId): void => void cluster.runtime.timer(retryDelay, () => attempt(next))
      if (owner === undefined) {
        again()
        return
      }
      const message = { type: 'placed.ensure', placed, key, args: packValue(args) } as const
      cluster.request(owner, message, Math.min(left, requestTimeout), (outcome) => {
        if (outcome.kind !== 'reply' || outcome.message.type !== 'placed.ensured') again()
        else if (outcome.message.elsewhere !== null) again(outcome.message.elsewhere || undefined)
        else ended(outcome.message.reason === null ? undefined : unpackReason(outcome.message.reason))
      })
    }
    // The ring owner is asked first, whether or not it is known to host this: what the others know of
    // its definitions may be a moment old, and whoever places the key at the same time asks it too.
    attempt(this.whereis({ placed, key }) === undefined ? cluster.ring.owner(key) : undefined)
  }

  /** Sends to wherever it runs. `call` for a call, whose outcome comes by `settle`. */
  send(
    ref: PlacedRef,
    kind: 'call' | 'cast' | 'info',
    value: unknown,
    call?: PendingCall,
    timeout = 0,
  ): void {
    const { cluster, world } = this.#state
    const { placed, key } = ref
    const message: PlacedMessage = {
      type: 'placed.message',
      placed,
      key,
      origin: cluster.self,
      sequence: 0,
      hops: 0,
      kind,
      call: call?.id ?? 0,
      timeout: timeout === Number.POSITIVE_INFINITY ? 0 : Math.ceil(timeout),
      body: packValue(value),
    }
    world.soon(() => this.#router.route(message))
  }

  close(): void {
    const { instances } = this.#state
    this.#state.isClosed = true
    for (const stop of this.#stops.splice(0)) stop()
    for (const ended of this.#placing) ended(shutdown)
    this.#moves.close()
    this.#audit.close()
    for (const instance of instances.values()) instances.forget(instance)
  }

  // The wire.

  #introduce(peer: PeerId): void {
    const { cluster, definitions, instances } = this.#state
    if (peer === cluster.self) return
    cluster.send(peer, { type: 'placed.types', types: [...definitions.keys()] })
    const entries = [...instances.values()].flatMap((instance) =>
      instance.process === undefined ? [] : [entryOf(instance, instance.process)],
    )
    for (let index = 0; index < entries.length; index += entriesPerMessage) {
      cluster.send(peer, {
        type: 'placed.at',
        entries: entries.slice(index, index + entriesPerMessage),
      })
    }
  }

  /** Asks all that are here already what they host and run, so that nothing is started that runs there. */
  #acquaint(done: () => void): void {
    const { cluster, definitions, directory } = this.#state
    const others = cluster.members().filter(({ id, state }) => id !== cluster.self && state === 'alive')
    let waiting = others.length
    if (waiting === 0) done()
    for (const { id } of others) {
      const types: Message = { type: 'placed.types', types: [...definitions.keys()] }
      cluster.request(id, types, requestTimeout, (outcome) => {
        if (outcome.kind === 'reply' && outcome.message.type === 'placed.types')
          directory.hosts(id, outcome.message.types)
        if (--waiting === 0) done()
      })
    }
  }

  #serve(snapshots: PlacedSnapshots, remains: PlacedRemains): void {
    const { cluster, definitions, directory, instances, world } = this.#state
    this.#stops.push(
      cluster.receive('placed.types', ({ types }, from) => {
        directory.hosts(from, types)
        this.#moves.rebalanceSoon()
      }),
      cluster.serve('placed.types', ({ types }, request) => {
        // Whoever asks for the first time learns what runs here, before the answer.
        if (!directory.isKnown(request.from)) this.#introduce(request.from)
        directory.hosts(request.from, types)
        this.#moves.rebalanceSoon()
        request.reply({ type: 'placed.types', types: [...definitions.keys()] })
      }),
      cluster.receive('placed.at', ({ entries }, from) => {
        for (const entry of entries) this.#epochs.learn(from, entry)
      }),
      cluster.receive('placed.gone', (message, from) => this.#gone(message, from)),
      cluster.receive('placed.message', (message) => this.#router.route(message)),
      cluster.receive('placed.moved', ({ call, owner }) => world.hold(owner, call)),
      cluster.receive('placed.reply', (message, from) => this.#router.answered(message, from)),
      cluster.serve('placed.ensure', ({ placed, key, args }, request) =>
        this.#host.ensure(placed, key, unpackValue(args), (elsewhere, reason) =>
          request.reply({
            type: 'placed.ensured',
            elsewhere,
            reason: reason === undefined ? null : packReason(reason),
            process: instances.get(placed, key)?.process?.ref.id ?? null,
          }),
        ),
      ),
      cluster.serve('placed.take', (message, request) =>
        this.#host.takeOver(message, request.from, (taken) =>
          request.reply({
            type: 'placed.ensured',
            elsewhere: taken ? null : '',
            reason: null,
            process: instances.get(message.placed, message.key)?.process?.ref.id ?? null,
          }),
        ),
      ),
      cluster.on('up', ({ id }) => this.#introduce(id)),
      cluster.on('down', ({ id }) => {
        for (const instance of instances.values()) {
          instance.sequences.forget(id)
          mergeBeside(this.#state, instance)
        }
        this.#moves.rebalanceSoon()
      }),
      cluster.on('ring', () => this.#moves.rebalanceSoon()),
      cluster.on('change', ({ id, state }) => {
        if (directory.changed(id, state)) this.#moves.rebalanceSoon()
      }),
    )
    cluster.onJoining((done) => this.#acquaint(done))
    cluster.onLeaving((done) => depart(this.#state, snapshots, this.#moves, remains, done), true)
    for (const { id } of cluster.members()) this.#introduce(id)
  }

  #gone({ placed, key, epoch, now }: Extract<Message, { type: 'placed.gone' }>, from: PeerId): void {
    const { cluster, directory, instances } = this.#state
    if (now !== null) {
      if (now.owner === cluster.self) return
      // What runs here gives way to one that runs, not to what is said of one that is gone.
      if (!directory.isHere(now.owner) && instances.has(placed, key)) {
        this.#epochs.over(placed, key, { epoch: epoch + 1, owner: now.owner })
        return
      }
      this.#epochs.learn(now.owner, { placed, key, epoch: epoch + 1, process: now.process })
      if (!directory.isHere(now.owner)) this.#moves.rebalanceSoon()
      return
    }
    this.#epochs.over(placed, key, { epoch, owner: from })
    const known = directory.get(placed, key)
    if (known === undefined || known.epoch > epoch) return
    // Of what ran on a page that is gone the next owner says that nothing is left.
    if (known.owner !== from && directory.isHere(known.owner)) return
    directory.delete(placed, key)
    this.#router.forget(placed, key)
  }
}
