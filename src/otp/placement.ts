import type { Cluster } from '../mesh/index.js'
import { isPlanted, type Timer } from '../runtime/index.js'
import { type Message, type PeerId, packValue, unpackValue } from '../wire/index.js'
import type { CallOutcome, PendingCall } from './calls.js'
import { Deadlines } from './deadlines.js'
import { type ExitReason, isAbnormal, noproc, shutdown } from './exit.js'
import { GenServer, type GenServerClass } from './gen-server.js'
import { packReason, unpackReason } from './packed-reason.js'
import { type Place, PlacedDirectory } from './placed-directory.js'
import { entryOf, type Instance, nameOf, newInstance, noHost, type PlacedMessage } from './placed-instance.js'
import { isLater } from './placed-record.js'
import { PlacedRecords } from './placed-records.js'
import { type PlacedRef, ProcessRef } from './ref.js'
import { Sequences } from './sequences.js'
import type { ServerProcess, StartResult } from './server-process.js'
import type { SnapshotStore } from './snapshot-store.js'

export interface DefineProcessOptions {
  /** Milliseconds from a handled message until its effect is in the kept snapshot, at most; 1,000 when not given. */
  readonly snapshotEvery?: number
}

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
  /** The call is in the hands of that peer. */
  hold(peer: PeerId, call: number): void
  soon(act: () => void): void
  signal(process: ServerProcess, reason: ExitReason): void
}

interface Definition {
  readonly server: GenServerClass
  readonly snapshotEvery: number
}

const defaultSnapshotEvery = 1_000

/** Milliseconds that another peer may take to answer; starting a process there has its own 5,000. */
const requestTimeout = 8_000

/** Milliseconds that `place` tries for while the members do not agree yet on who owns the key. */
const placeTimeout = 10_000

/** Milliseconds between two tries: about a gossip round. */
const retryDelay = 50

/** Milliseconds until a move that failed is tried again. */
const moveDelay = 1_000

/** More forwarding than this is a circle, made by views that differ. */
const mostHops = 8

/** After this much forwarding the ring is believed, and not what was heard. */
const trustedHops = 3

/** Milliseconds between two looks at whether what others are said to run for us really runs. */
const auditDelay = 10_000

/** Messages that wait for a process which starts or moves; past it they are refused. */
const longestQueue = 100_000

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
  readonly #cluster: Cluster
  readonly #world: PlacementWorld
  readonly #records: PlacedRecords
  readonly #deadlines: Deadlines
  readonly #definitions = new Map<string, Definition>()
  readonly #directory: PlacedDirectory
  readonly #instances = new Map<string, Instance>()
  /** The number of the next message from here to each placed process. */
  readonly #sent = new Map<string, number>()
  readonly #stops: (() => void)[] = []
  #rebalancing: Timer | undefined
  #auditing: Timer
  #drained: (() => void) | undefined

  constructor(cluster: Cluster, world: PlacementWorld, store: SnapshotStore | undefined) {
    this.#cluster = cluster
    this.#world = world
    this.#records = new PlacedRecords(store, cluster.runtime)
    this.#deadlines = new Deadlines(cluster.runtime)
    this.#directory = new PlacedDirectory(cluster, (placed) => this.#definitions.has(placed))
    this.#auditing = cluster.runtime.timer(auditDelay, () => this.#audit())
    this.#serve()
  }

  /** How many placed processes run here. */
  get size(): number {
    return this.#instances.size
  }

  /** What runs here. */
  instances(): { placed: string; key: string; epoch: number; ref: ProcessRef | undefined }[] {
    return [...this.#instances.values()].map(({ placed, key, epoch, process }) => ({
      placed,
      key,
      epoch,
      ref: process?.ref,
    }))
  }

  define(placed: string, server: GenServerClass, options: DefineProcessOptions = {}): void {
    this.#definitions.set(placed, { server, snapshotEvery: options.snapshotEvery ?? defaultSnapshotEvery })
    const types = [...this.#definitions.keys()]
    this.#broadcast({ type: 'placed.types', types })
    this.#rebalanceSoon()
  }

  /** Where it runs now, as far as this peer has heard. */
  whereis({ placed, key }: PlacedRef): ProcessRef | undefined {
    const place = this.#directory.get(placed, key)
    return place === undefined || !this.#directory.isHere(place.owner)
      ? undefined
      : new ProcessRef(place.owner, place.process)
  }

  /** Has it run on the owner of its key; `done` with the reason where that cannot be. */
  place(placed: string, key: string, args: unknown, done: (reason: ExitReason | undefined) => void): void {
    const end = this.#cluster.runtime.now() + placeTimeout
    const attempt = (asked: PeerId | undefined): void => {
      const owner = asked ?? this.#directory.ownerOf(placed, key)
      const left = end - this.#cluster.runtime.now()
      if (left <= 0) {
        done(owner === undefined ? noHost(placed) : { type: 'timeout', after: placeTimeout })
        return
      }
      const again = (next?: PeerId): void => void this.#cluster.runtime.timer(retryDelay, () => attempt(next))
      if (owner === undefined) {
        again()
        return
      }
      const message = { type: 'placed.ensure', placed, key, args: packValue(args) } as const
      this.#cluster.request(owner, message, Math.min(left, requestTimeout), (outcome) => {
        if (outcome.kind !== 'reply' || outcome.message.type !== 'placed.ensured') again()
        else if (outcome.message.elsewhere !== null) again(outcome.message.elsewhere || undefined)
        else done(outcome.message.reason === null ? undefined : unpackReason(outcome.message.reason))
      })
    }
    // The ring owner is asked first, whether or not it is known to host this: what the others know of
    // its definitions may be a moment old, and whoever places the key at the same time asks it too.
    attempt(this.whereis({ placed, key }) === undefined ? this.#cluster.ring.owner(key) : undefined)
  }

  /** Sends to wherever it runs. `call` for a call, whose outcome comes by `settle`. */
  send(
    ref: PlacedRef,
    kind: 'call' | 'cast' | 'info',
    value: unknown,
    call?: PendingCall,
    timeout = 0,
  ): void {
    const { placed, key } = ref
    const message: PlacedMessage = {
      type: 'placed.message',
      placed,
      key,
      origin: this.#cluster.self,
      sequence: 0,
      hops: 0,
      kind,
      call: call?.id ?? 0,
      timeout: timeout === Number.POSITIVE_INFINITY ? 0 : Math.ceil(timeout),
      body: packValue(value),
    }
    this.#world.soon(() => this.#route(message))
  }

  /** Numbers a message of ours when it leaves, and not before: one that could not leave makes no gap. */
  #numbered(message: PlacedMessage): PlacedMessage {
    if (message.hops > 0 || message.origin !== this.#cluster.self) return message
    return { ...message, sequence: this.#sent.get(nameOf(message.placed, message.key)) ?? 0 }
  }

  #left({ placed, key, hops, origin, sequence }: PlacedMessage): void {
    if (hops === 0 && origin === this.#cluster.self) this.#sent.set(nameOf(placed, key), sequence + 1)
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
    this.#rebalancing?.cancel()
    this.#auditing.cancel()
    for (const instance of this.#instances.values()) this.#forget(instance)
  }

  // Routing.

  #route(unnumbered: PlacedMessage): void {
    const message = this.#numbered(unnumbered)
    const { placed, key, hops } = message
    const instance = this.#instances.get(nameOf(placed, key))
    if (instance !== undefined) {
      this.#left(message)
      this.#accept(instance, message)
      return
    }
    // Sent here by a peer that thought we run it, or sent on already: what the directory says is out of date.
    const owner =
      hops < trustedHops ? this.#directory.ownerOf(placed, key) : this.#directory.homeOf(placed, key)
    if (owner === undefined) this.#fail(message, noproc)
    else if (owner === this.#cluster.self) {
      this.#left(message)
      this.#revive(placed, key, message)
    } else this.#forward(message, owner)
  }

  #forward(message: PlacedMessage, owner: PeerId): void {
    const { origin, call, kind, hops } = message
    if (hops >= mostHops) {
      this.#fail(message, noproc)
      return
    }
    if (kind === 'call') {
      if (origin === this.#cluster.self) this.#world.hold(owner, call)
      else this.#cluster.send(origin, { type: 'placed.moved', call, owner })
    }
    if (this.#cluster.send(owner, { ...message, hops: hops + 1 })) this.#left(message)
    else this.#fail(message, { type: 'nodedown', peer: owner })
  }

  #accept(instance: Instance, message: PlacedMessage): void {
    if (instance.state !== 'running') {
      if (instance.queue.length < longestQueue) instance.queue.push(message)
      else
        this.#fail(message, {
          type: 'error',
          name: 'QueueFull',
          message: 'too much waits for a process that moves',
        })
      return
    }
    instance.sequences.take(message.origin, message.sequence, () => this.#deliver(instance, message))
  }

  #deliver(instance: Instance, message: PlacedMessage): void {
    const { process, epoch } = instance
    if (process === undefined) return
    const value = unpackValue(message.body)
    if (message.kind === 'call') {
      const timeout = message.timeout === 0 ? Number.POSITIVE_INFINITY : message.timeout
      this.#world.request(process.ref, value, timeout, (outcome) => this.#answer(message, epoch, outcome))
    } else process.deliver({ kind: message.kind, message: value })
  }

  #fail(message: PlacedMessage, reason: ExitReason): void {
    if (message.kind === 'call') this.#answer(message, Number.MAX_SAFE_INTEGER, { ok: false, reason })
  }

  #answer({ placed, key, origin, call }: PlacedMessage, epoch: number, outcome: CallOutcome): void {
    if (origin === this.#cluster.self) {
      this.#world.settle(call, outcome)
      return
    }
    let ok = outcome.ok
    let body: Uint8Array<ArrayBuffer>
    try {
      body = outcome.ok ? packValue(outcome.value) : packReason(outcome.reason)
    } catch (error) {
      const { name, message } = error as Error
      ok = false
      body = packReason({ type: 'error', name, message })
    }
    this.#cluster.send(origin, { type: 'placed.reply', placed, key, epoch, call, ok, body })
  }

  // Starting.

  #ensure(
    placed: string,
    key: string,
    args: unknown,
    done: (elsewhere: string | null, reason?: ExitReason) => void,
  ): void {
    const id = nameOf(placed, key)
    const instance = this.#instances.get(id)
    if (instance !== undefined) {
      if (instance.state === 'running') done(null)
      else if (instance.state === 'moving') done('')
      else instance.started.push((reason) => done(null, reason))
      return
    }
    const owner = this.#directory.ownerOf(placed, key)
    if (owner !== this.#cluster.self) {
      done(owner ?? '')
      return
    }
    if (!this.#definitions.has(placed)) {
      done(null, noHost(placed))
      return
    }
    const fresh = this.#newInstance(placed, key, args)
    fresh.started.push((reason) => done(null, reason))
    this.#readAndRun(fresh, true)
  }

  /** It should run here and does not: from its record, if it has one. */
  #revive(placed: string, key: string, message?: PlacedMessage): void {
    if (!this.#definitions.has(placed) || !this.#records.kept) {
      if (message !== undefined) this.#fail(message, noproc)
      return
    }
    const instance = this.#newInstance(placed, key, undefined)
    if (message !== undefined) instance.queue.push(message)
    this.#readAndRun(instance, false)
  }

  #newInstance(placed: string, key: string, args: unknown): Instance {
    const instance = newInstance(placed, key, args, this.#cluster.runtime, this.#deadlines)
    this.#instances.set(nameOf(placed, key), instance)
    return instance
  }

  /** Reads the record for the snapshot and the epoch. `fresh`: starts also without one. */
  #readAndRun(instance: Instance, fresh: boolean): void {
    const { placed, key } = instance
    const known = this.#directory.get(placed, key)?.epoch ?? 0
    this.#records.read(placed, key, (record) => {
      if (!this.#isCurrent(instance)) return
      if (record === undefined && !fresh) {
        this.#directory.delete(placed, key)
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
    this.#save(instance, snapshot, () => {
      if (!this.#isCurrent(instance)) return
      const definition = this.#definitions.get(instance.placed)
      if (definition === undefined) {
        this.#drop(instance, noHost(instance.placed))
        return
      }
      this.#world.launchPlaced(definition.server, instance.args, snapshot, (result) =>
        this.#launched(instance, definition, result),
      )
    })
  }

  #launched(instance: Instance, definition: Definition, result: StartResult): void {
    if (result.kind !== 'ok') {
      const reason: ExitReason = result.kind === 'failed' ? result.reason : { type: 'normal' }
      if (this.#isCurrent(instance)) this.#end(instance, reason)
      return
    }
    const process = result.process as ServerProcess
    if (!this.#isCurrent(instance)) {
      this.#world.signal(process, shutdown)
      return
    }
    instance.process = process
    instance.state = 'running'
    process.monitor((reason) => this.#ended(instance, process, reason))
    if (process.server.snapshot !== GenServer.prototype.snapshot) {
      process.onHandled(() => this.#saveSoon(instance, process, definition.snapshotEvery))
    }
    this.#announce(instance, process)
    for (const started of instance.started.splice(0)) started(undefined)
    for (const message of instance.queue.splice(0)) this.#accept(instance, message)
    this.#rebalanceSoon()
  }

  // Ending.

  #ended(instance: Instance, process: ServerProcess, reason: ExitReason): void {
    if (!this.#isCurrent(instance) || instance.process !== process) return
    instance.process = undefined
    if (isAbnormal(reason) && instance.intensity.count()) {
      instance.state = 'starting'
      instance.sequences.close()
      instance.sequences = new Sequences(this.#deadlines)
      this.#readAndRun(instance, true)
    } else this.#end(instance, reason)
  }

  /** It has ended for good, or could not start: its record goes, and everybody forgets it. */
  #end(instance: Instance, reason: ExitReason): void {
    const { placed, key, epoch } = instance
    this.#directory.delete(placed, key)
    this.#records.delete(placed, key)
    this.#broadcast({ type: 'placed.gone', placed, key, epoch, now: null })
    this.#drop(instance, reason)
  }

  #drop(instance: Instance, reason: ExitReason): void {
    this.#forget(instance)
    for (const started of instance.started.splice(0)) started(reason)
    for (const message of instance.queue.splice(0)) this.#fail(message, reason)
  }

  #forget(instance: Instance): void {
    instance.saving?.cancel()
    instance.sequences.close()
    const id = nameOf(instance.placed, instance.key)
    if (this.#instances.get(id) === instance) this.#instances.delete(id)
    if (this.#instances.size === 0) this.#drained?.()
  }

  #isCurrent(instance: Instance): boolean {
    return this.#instances.get(nameOf(instance.placed, instance.key)) === instance
  }

  // Snapshots.

  #saveSoon(instance: Instance, process: ServerProcess, delay: number): void {
    if (instance.saving !== undefined) return
    instance.saving = this.#cluster.runtime.timer(delay, () => {
      instance.saving = undefined
      if (!this.#isCurrent(instance) || instance.process !== process || instance.state !== 'running') return
      process.deliver({
        kind: 'snapshot',
        done: (snapshot) => {
          if (this.#isCurrent(instance) && instance.process === process)
            this.#save(instance, snapshot, () => {})
        },
      })
    })
  }

  #save(instance: Instance, snapshot: unknown, done: () => void): void {
    const { placed, key, epoch, args } = instance
    this.#records.save(placed, key, { epoch, owner: this.#cluster.self, args, snapshot }, done)
  }

  // Moving.

  #rebalanceSoon(delay = 0): void {
    if (this.#rebalancing !== undefined) return
    this.#rebalancing = this.#cluster.runtime.timer(delay, () => {
      this.#rebalancing = undefined
      this.#rebalance()
    })
  }

  /** Hands over what should run elsewhere, and takes up what ran on a peer that is gone. */
  #rebalance(): void {
    const { self } = this.#cluster
    for (const instance of [...this.#instances.values()]) {
      if (instance.state !== 'running') continue
      const home = this.#directory.homeOf(instance.placed, instance.key)
      if (home !== undefined && home !== self) this.#move(instance, home)
    }
    this.#directory.forgetStrangers()
    for (const [placed, key] of this.#directory.orphans()) {
      if (!this.#instances.has(nameOf(placed, key)) && this.#directory.homeOf(placed, key) === self)
        this.#revive(placed, key)
    }
  }

  /**
   * Asks the owners of what should be ours, and has not been handed over, whether it runs at all.
   * What one heard last can be wrong for good when a peer left while it was cut off.
   */
  #audit(): void {
    const { self } = this.#cluster
    for (const { placed, key, place } of this.#directory.elsewhere()) {
      if (this.#directory.homeOf(placed, key) !== self || this.#instances.has(nameOf(placed, key))) continue
      const probe = { type: 'process.probe', process: place.process } as const
      this.#cluster.request(place.owner, probe, requestTimeout, (outcome) => {
        const dead =
          outcome.kind === 'reply' && outcome.message.type === 'process.alive' && !outcome.message.alive
        if (!dead || this.#directory.get(placed, key) !== place) return
        this.#directory.delete(placed, key)
        if (!this.#instances.has(nameOf(placed, key)) && this.#directory.homeOf(placed, key) === self) {
          this.#revive(placed, key)
        }
      })
    }
    for (const [placed, key] of this.#directory.orphans()) this.#remind(placed, key)
    this.#auditing = this.#cluster.runtime.timer(auditDelay, () => this.#audit())
  }

  /** Tells the peer that should run it what ran where: it may have come after the owner was cut off. */
  #remind(placed: string, key: string): void {
    const home = this.#directory.homeOf(placed, key)
    const place = this.#directory.get(placed, key)
    if (home === undefined || home === this.#cluster.self || place === undefined || place.epoch === 0) return
    const now = { owner: place.owner, process: place.process }
    this.#cluster.send(home, { type: 'placed.gone', placed, key, epoch: place.epoch - 1, now })
  }

  #move(instance: Instance, target: PeerId): void {
    const { process, placed, key } = instance
    if (process === undefined) return
    instance.state = 'moving'
    if (isPlanted('stop-before-ack')) {
      instance.process = undefined
      this.#world.signal(process, shutdown)
      this.#hand(instance, process, target, undefined)
      return
    }
    this.#cluster.runtime.trace('placed.move', placed, key, target)
    // After the messages that it was given already; those that come now wait with us.
    process.deliver({ kind: 'snapshot', done: (snapshot) => this.#hand(instance, process, target, snapshot) })
  }

  #hand(instance: Instance, process: ServerProcess, target: PeerId, snapshot: unknown): void {
    if (!this.#isCurrent(instance)) return
    const { placed, key, args } = instance
    const epoch = instance.epoch + 1
    const stay = (): void => {
      if (!this.#isCurrent(instance) || instance.state !== 'moving') return
      instance.state = 'running'
      for (const message of instance.queue.splice(0)) this.#accept(instance, message)
      this.#rebalanceSoon(moveDelay)
    }
    let packed: Uint8Array<ArrayBuffer>
    try {
      packed = packValue(snapshot)
    } catch (error) {
      this.#cluster.runtime.log('error', 'a snapshot cannot be packed', { placed, key, error: String(error) })
      stay()
      return
    }
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
    this.#cluster.request(target, message, requestTimeout, (outcome) => {
      if (!this.#isCurrent(instance)) return
      const taken =
        outcome.kind === 'reply' &&
        outcome.message.type === 'placed.ensured' &&
        outcome.message.elsewhere === null &&
        outcome.message.reason === null
      if (!taken) {
        stay()
        return
      }
      const { process: there } = outcome.message as Extract<Message, { type: 'placed.ensured' }>
      const queue = instance.queue.splice(0)
      if (there !== null) {
        this.#learn(target, { placed, key, epoch, process: there })
        const now = { owner: target, process: there }
        this.#broadcast({ type: 'placed.gone', placed, key, epoch: instance.epoch, now })
      }
      this.#forget(instance)
      this.#world.signal(process, shutdown)
      for (const waiting of queue) this.#forward(waiting, target)
    })
  }

  #takeOver(message: Extract<Message, { type: 'placed.take' }>, done: (taken: boolean) => void): void {
    const { placed, key, epoch } = message
    const present = this.#instances.get(nameOf(placed, key))
    if (present !== undefined) {
      // We took it up already, thinking the other gone: what it has comes in by merging.
      const merge = { kind: 'merge', snapshot: unpackValue(message.snapshot) } as const
      present.process?.deliver(merge)
      if (message.epoch > present.epoch && !isPlanted('no-epoch-check')) {
        present.epoch = message.epoch
        if (present.process !== undefined) this.#announce(present, present.process)
      }
      done(present.process !== undefined)
      return
    }
    if (!this.#definitions.has(placed)) {
      done(false)
      return
    }
    const instance = this.#newInstance(placed, key, unpackValue(message.args))
    instance.epoch = epoch
    instance.sequences = new Sequences(this.#deadlines, unpackValue(message.sequences) as [string, number][])
    instance.started.push((reason) => done(reason === undefined))
    this.#recordAndLaunch(instance, unpackValue(message.snapshot))
  }

  // Epochs.

  /** Tells everybody that it runs here. */
  #announce(instance: Instance, process: ServerProcess): void {
    this.#learn(this.#cluster.self, entryOf(instance, process))
    this.#broadcast({ type: 'placed.at', entries: [entryOf(instance, process)] })
  }

  /** Hears that `owner` runs it. True when that is news. */
  #learn(owner: PeerId, entry: { placed: string; key: string; epoch: number; process: string }): void {
    const { placed, key, epoch, process } = entry
    const known = this.#directory.get(placed, key)
    const heard: Place = { epoch, owner, process }
    const instance = this.#instances.get(nameOf(placed, key))
    const stale = known !== undefined && isLater(known, heard) && this.#directory.isHere(known.owner)
    if (isPlanted('no-epoch-check')) {
      this.#directory.set(placed, key, heard)
      return
    }
    if (!stale) this.#directory.set(placed, key, heard)
    if (instance === undefined || owner === this.#cluster.self) return
    if (isLater(heard, { epoch: instance.epoch, owner: this.#cluster.self })) this.#fence(instance, heard)
    else if (instance.process !== undefined) {
      // A former owner, who has not heard of us: it stops when it does.
      const { id } = instance.process.ref
      this.#directory.set(placed, key, { epoch: instance.epoch, owner: this.#cluster.self, process: id })
      this.#cluster.send(owner, { type: 'placed.at', entries: [entryOf(instance, instance.process)] })
    }
  }

  /** Somebody took over while we were cut off: give what we have, and stop. */
  #fence(instance: Instance, survivor: Place): void {
    const { process } = instance
    const queue = instance.queue.splice(0)
    // A move of ours that is being answered: its answer ends it, and forwards what waits.
    this.#forget(instance)
    for (const started of instance.started.splice(0)) started(undefined)
    for (const message of queue) this.#forward(message, survivor.owner)
    if (process === undefined) return
    if (instance.state === 'moving') {
      this.#world.signal(process, shutdown)
      return
    }
    const stop = (): void => this.#world.signal(process, shutdown)
    const bound = this.#cluster.runtime.timer(requestTimeout, stop)
    process.deliver({
      kind: 'snapshot',
      done: (snapshot) => {
        const message = this.#mergeMessage(survivor.process, snapshot)
        const finish = (): void => {
          bound.cancel()
          stop()
        }
        if (message === undefined) finish()
        else this.#cluster.request(survivor.owner, message, requestTimeout, finish)
      },
    })
  }

  #mergeMessage(process: string, snapshot: unknown): Extract<Message, { type: 'process.merge' }> | undefined {
    if (snapshot === undefined) return undefined
    try {
      return { type: 'process.merge', process, snapshot: packValue(snapshot) }
    } catch {
      return undefined
    }
  }

  // The wire.

  #broadcast(message: Message): void {
    for (const { id } of this.#cluster.members())
      if (id !== this.#cluster.self) this.#cluster.send(id, message)
  }

  #introduce(peer: PeerId): void {
    if (peer === this.#cluster.self) return
    this.#cluster.send(peer, { type: 'placed.types', types: [...this.#definitions.keys()] })
    const entries = [...this.#instances.values()].flatMap((instance) =>
      instance.process === undefined ? [] : [entryOf(instance, instance.process)],
    )
    for (let index = 0; index < entries.length; index += entriesPerMessage) {
      this.#cluster.send(peer, {
        type: 'placed.at',
        entries: entries.slice(index, index + entriesPerMessage),
      })
    }
  }

  #serve(): void {
    const cluster = this.#cluster
    this.#stops.push(
      cluster.receive('placed.types', ({ types }, from) => {
        this.#directory.hosts(from, types)
        this.#rebalanceSoon()
      }),
      cluster.receive('placed.at', ({ entries }, from) => {
        for (const entry of entries) this.#learn(from, entry)
      }),
      cluster.receive('placed.gone', ({ placed, key, epoch, now }, from) => {
        if (now !== null) {
          if (now.owner === cluster.self) return
          // What runs here gives way to one that runs, not to what is said of one that is gone.
          if (!this.#directory.isHere(now.owner) && this.#instances.has(nameOf(placed, key))) return
          this.#learn(now.owner, { placed, key, epoch: epoch + 1, process: now.process })
          if (!this.#directory.isHere(now.owner)) this.#rebalanceSoon()
          return
        }
        const known = this.#directory.get(placed, key)
        if (known?.owner !== from || known.epoch > epoch) return
        this.#directory.delete(placed, key)
        this.#sent.delete(nameOf(placed, key))
      }),
      cluster.receive('placed.message', (message) => this.#route(message)),
      cluster.receive('placed.moved', ({ call, owner }) => this.#world.hold(owner, call)),
      cluster.receive('placed.reply', ({ placed, key, epoch, call, ok, body }, from) => {
        const known = this.#directory.get(placed, key)
        const stale = known !== undefined && isLater(known, { epoch, owner: from }) && known.owner !== from
        if (ok && stale && !isPlanted('no-epoch-check')) {
          this.#world.settle(call, {
            ok: false,
            reason: { type: 'shutdown', detail: 'answered by a former owner' },
          })
        } else if (ok) this.#world.settle(call, { ok, value: unpackValue(body) })
        else this.#world.settle(call, { ok, reason: unpackReason(body) })
      }),
      cluster.serve('placed.ensure', ({ placed, key, args }, request) =>
        this.#ensure(placed, key, unpackValue(args), (elsewhere, reason) =>
          request.reply({
            type: 'placed.ensured',
            elsewhere,
            reason: reason === undefined ? null : packReason(reason),
            process: this.#instances.get(nameOf(placed, key))?.process?.ref.id ?? null,
          }),
        ),
      ),
      cluster.serve('placed.take', (message, request) =>
        this.#takeOver(message, (taken) =>
          request.reply({
            type: 'placed.ensured',
            elsewhere: taken ? null : '',
            reason: null,
            process: this.#instances.get(nameOf(message.placed, message.key))?.process?.ref.id ?? null,
          }),
        ),
      ),
      cluster.on('up', ({ id }) => this.#introduce(id)),
      cluster.on('down', ({ id }) => {
        for (const { sequences } of this.#instances.values()) sequences.forget(id)
        this.#rebalanceSoon()
      }),
      cluster.on('ring', () => this.#rebalanceSoon()),
      cluster.on('change', ({ id, state }) => {
        if (this.#directory.changed(id, state)) this.#rebalanceSoon()
      }),
    )
    cluster.onLeaving((done) => this.#leave(done))
    for (const { id } of cluster.members()) this.#introduce(id)
  }

  /**
   * Waits for an answer of every peer: what they sent before they heard of the new owners has then
   * arrived here, and been forwarded.
   */
  #flush(done: () => void): void {
    const peers = this.#cluster.members().filter(({ id }) => id !== this.#cluster.self)
    let waiting = peers.length
    if (waiting === 0) done()
    for (const { id } of peers) {
      this.#cluster.request(id, { type: 'process.probe', process: '0' }, requestTimeout, () => {
        if (--waiting === 0) done()
      })
    }
  }

  /** Leaving of our own will: all that runs here is handed over, or at least written down. */
  #leave(done: () => void): void {
    const { runtime } = this.#cluster
    this.#drained = () => {
      this.#drained = undefined
      this.#flush(done)
    }
    if (this.#instances.size === 0) {
      this.#drained()
      return
    }
    this.#rebalance()
    for (const instance of this.#instances.values()) {
      const { process } = instance
      if (instance.state !== 'running' || process === undefined) continue
      // Nobody can host it: its record is all that stays.
      process.deliver({
        kind: 'snapshot',
        done: (snapshot) =>
          this.#save(instance, snapshot, () => {
            this.#forget(instance)
            this.#world.signal(process, shutdown)
          }),
      })
    }
    // What was starting is handed over when it runs.
    const again = (): void => {
      if (this.#drained === undefined) return
      this.#rebalance()
      runtime.timer(retryDelay, again)
    }
    runtime.timer(retryDelay, again)
  }
}
