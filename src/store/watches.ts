import type { Cluster } from '../mesh/index.js'
import type { Timer } from '../runtime/index.js'
import { isPlanted } from '../runtime/index.js'
import type { Message, PeerId } from '../wire/index.js'
import { type HybridClock, timeOf } from './clock.js'
import { frameBytes, queueHigh, queueRetry, tombstoneTime } from './constants.js'
import type { Entry } from './entry.js'
import type { Held } from './held.js'
import { kinds } from './merges/kinds.js'
import type { Placement } from './placement.js'
import { fromWire, join, markOf, sizeOf, toWire, type WireRecord } from './record.js'
import type { Replica } from './replica.js'

/** Milliseconds between two renewals of a watch, and after which one that is not renewed ends: three may be lost. */
const renewEvery = 10_000
const leaseTime = 35_000

/** Watches that this peer keeps for one other: more than any page needs, few enough to bound its memory. */
const watchesPerPeer = 10_000

/** What a watch is about. */
export type Watched =
  | { readonly key: string; readonly prefix?: undefined }
  | { readonly prefix: string; readonly key?: undefined }

interface Watch {
  readonly number: number
  readonly store: string
  readonly replicas: number
  readonly watched: Watched
  readonly changed: (key: string, held: Held) => void
  /** The latest state told of every key, so that of three replicas' news one counts; of what is written whole the version alone. */
  readonly told: Map<string, Held>
  /** Peers that have confirmed the watch. */
  readonly at: Set<PeerId>
}

/** A watch of another peer's, or of this one's own, on what is held here. */
interface Watcher {
  readonly peer: PeerId
  readonly number: number
  readonly store: string
  readonly watched: Watched
  /** Changed and not told yet. A key stands here once, however often it changes. */
  readonly news: Set<Entry>
  renewed: number
  isSending: boolean
}

/**
 * Watches on keys and prefixes. Whoever watches asks every owner (for a prefix, every peer that
 * holds state), so that a change is told by all who hold it and missed only if all miss; after a
 * change of the rings it asks the new ones too, and each starts by telling what it holds.
 */
export class Watches {
  readonly #cluster: Cluster
  readonly #replica: Replica
  readonly #placement: Placement
  readonly #clock: HybridClock
  readonly #doubted: () => void
  readonly #watches = new Map<number, Watch>()
  readonly #watchers = new Map<string, Watcher>()
  /** The watchers of each store, as most changes concern none. */
  readonly #byStore = new Map<string, Set<Watcher>>()
  #last = 0
  #timer: Timer | undefined

  /** @param doubted - called when news came whose stamp is too far ahead to be believed */
  constructor(
    cluster: Cluster,
    replica: Replica,
    placement: Placement,
    clock: HybridClock,
    doubted: () => void,
  ) {
    this.#clock = clock
    this.#doubted = doubted
    this.#cluster = cluster
    this.#replica = replica
    this.#placement = placement
    cluster.serve('store.watch', (message, request) => {
      const { watch, store, key, prefix, mark } = message
      if ((key === null) === (prefix === null)) {
        request.refuse('malformed')
        return
      }
      const watched: Watched = key === null ? { prefix: prefix ?? '' } : { key }
      if (this.#admit(request.from, watch, store, watched, mark)) request.reply({ type: 'store.watching' })
      else request.refuse('busy')
    })
    cluster.receive('store.unwatch', ({ watch }, from) => this.#dismiss(from, watch))
    cluster.receive('store.changed', ({ watch, records }, from) => this.#told(from, watch, records))
    cluster.on('down', ({ id }) => {
      for (const watcher of [...this.#watchers.values()]) if (watcher.peer === id) this.#end(watcher)
      for (const { at } of this.#watches.values()) at.delete(id)
    })
  }

  /** Watches; `changed` gets the present state and every later one. Returns the way to end it. */
  watch(
    store: string,
    replicas: number,
    watched: Watched,
    changed: (key: string, held: Held) => void,
  ): () => void {
    const number = ++this.#last
    const watch: Watch = { number, store, replicas, watched, changed, told: new Map(), at: new Set() }
    this.#watches.set(number, watch)
    this.#cluster.runtime.timer(0, () => this.#ask(watch, false))
    this.#keepRenewing()
    return () => {
      if (!this.#watches.delete(number)) return
      this.#dismiss(this.#cluster.self, number)
      for (const { id } of this.#cluster.members())
        if (id !== this.#cluster.self) this.#cluster.send(id, { type: 'store.unwatch', watch: number })
    }
  }

  /** To be called when a member or a ring changed. */
  follow(): void {
    if (isPlanted('watch-misses-move')) return
    for (const watch of this.#watches.values()) this.#ask(watch, false)
  }

  /** A key changed here. */
  notice(entry: Entry): void {
    const watchers = this.#byStore.get(entry.store)
    if (watchers === undefined) return
    for (const watcher of watchers) {
      const { key, prefix } = watcher.watched
      if (key === undefined ? !entry.key.startsWith(prefix ?? '') : entry.key !== key) continue
      watcher.news.add(entry)
      this.#tell(watcher)
    }
  }

  /** A key got another stamp here: what was told of it before must not hide what comes. */
  forget(store: string, key: string): void {
    for (const watch of this.#watches.values()) if (watch.store === store) watch.told.delete(key)
  }

  /** Asks all anew for what they hold: this peer's clock was behind, and news was not believed. */
  restart(): void {
    for (const watch of this.#watches.values()) {
      for (const id of watch.at) {
        if (id === this.#cluster.self) this.#dismiss(id, watch.number)
        else this.#cluster.send(id, { type: 'store.unwatch', watch: watch.number })
      }
      watch.at.clear()
      this.#ask(watch, false)
    }
  }

  close(): void {
    this.#timer?.cancel()
    this.#watches.clear()
    this.#watchers.clear()
    this.#byStore.clear()
  }

  /** All that may hold what is watched. */
  #sources(watch: Watch): Set<PeerId> {
    const { watched, replicas } = watch
    if (watched.key !== undefined) {
      const owners = this.#placement.owners(watched.key, replicas)
      return new Set([...owners, ...this.#placement.nextOwners(watched.key, replicas)])
    }
    const sources = new Set<PeerId>()
    for (const { id, weight, state } of this.#cluster.members())
      if (weight > 0 && state !== 'suspect') sources.add(id)
    return sources
  }

  #ask(watch: Watch, isRenewal: boolean): void {
    const { number, store, watched, told } = watch
    if (!this.#watches.has(number)) return
    const sources = this.#sources(watch)
    for (const id of watch.at) if (!sources.has(id)) watch.at.delete(id)
    const known = watched.key === undefined ? undefined : told.get(watched.key)
    for (const id of sources) {
      if (watch.at.has(id) && !isRenewal) continue
      if (isRenewal && !watch.at.has(id) && isPlanted('watch-misses-move')) continue
      if (id === this.#cluster.self) {
        watch.at.add(id)
        this.#admit(id, number, store, watched, null)
        continue
      }
      const message: Message = {
        type: 'store.watch',
        watch: number,
        store,
        key: watched.key ?? null,
        prefix: watched.prefix ?? null,
        mark: known === undefined ? null : markOf(known),
      }
      this.#cluster.request(id, message, renewEvery, (outcome) => {
        if (outcome.kind === 'reply') watch.at.add(id)
        else watch.at.delete(id)
      })
    }
  }

  #keepRenewing(): void {
    this.#timer ??= this.#cluster.runtime.timer(renewEvery, () => {
      this.#timer = undefined
      for (const watch of this.#watches.values()) {
        this.#ask(watch, true)
        this.#forgetDeleted(watch)
      }
      const now = this.#cluster.runtime.now()
      for (const watcher of [...this.#watchers.values()])
        if (now - watcher.renewed > leaseTime) this.#end(watcher)
      if (this.#watches.size > 0 || this.#watchers.size > 0) this.#keepRenewing()
    })
  }

  /** Nobody brings an older state of a key back once its deletion has been forgotten by all. */
  #forgetDeleted({ told }: Watch): void {
    const before = this.#cluster.runtime.wallClock() - 2 * tombstoneTime
    for (const [key, { content, version }] of told)
      if (content === null && timeOf(version) < before) told.delete(key)
  }

  #admit(peer: PeerId, number: number, store: string, watched: Watched, mark: string | null): boolean {
    const name = `${peer} ${number}`
    const now = this.#cluster.runtime.now()
    let watcher = this.#watchers.get(name)
    const isNew = watcher === undefined
    if (watcher === undefined) {
      let own = 0
      for (const other of this.#watchers.values()) if (other.peer === peer) own++
      if (own >= watchesPerPeer) return false
      watcher = { peer, number, store, watched, news: new Set(), renewed: now, isSending: false }
      this.#watchers.set(name, watcher)
      const watchers = this.#byStore.get(store) ?? new Set()
      watchers.add(watcher)
      this.#byStore.set(store, watchers)
      this.#keepRenewing()
    }
    watcher.renewed = now
    if (watched.key !== undefined) {
      const entry = this.#replica.find(store, watched.key)
      if (entry !== undefined && (mark === null || entry.mark !== mark)) watcher.news.add(entry)
    } else if (isNew) {
      for (const shelf of this.#replica.shelves()) {
        if (shelf.name !== store) continue
        for (const key of shelf.keysFrom(watched.prefix, null)) {
          const entry = shelf.entries.get(key)
          if (entry !== undefined) watcher.news.add(entry)
        }
      }
    }
    if (watcher.news.size > 0) this.#tell(watcher)
    return true
  }

  #dismiss(peer: PeerId, number: number): void {
    const watcher = this.#watchers.get(`${peer} ${number}`)
    if (watcher !== undefined) this.#end(watcher)
  }

  #end(watcher: Watcher): void {
    this.#watchers.delete(`${watcher.peer} ${watcher.number}`)
    const watchers = this.#byStore.get(watcher.store)
    watchers?.delete(watcher)
    if (watchers?.size === 0) this.#byStore.delete(watcher.store)
  }

  #tell(watcher: Watcher, delay = 0): void {
    if (watcher.isSending) return
    watcher.isSending = true
    this.#cluster.runtime.timer(delay, () => {
      watcher.isSending = false
      if (!this.#byStore.get(watcher.store)?.has(watcher)) return
      if (this.#cluster.queued(watcher.peer) > queueHigh) {
        this.#tell(watcher, queueRetry)
        return
      }
      const sent: Entry[] = []
      const records: WireRecord[] = []
      let size = 0
      for (const entry of watcher.news) {
        if (size > 0 && size + sizeOf(entry) > frameBytes) break
        size += sizeOf(entry)
        watcher.news.delete(entry)
        sent.push(entry)
        records.push(toWire(entry))
        if (records.length === 1000) break
      }
      if (records.length === 0) return
      if (watcher.peer === this.#cluster.self) this.#told(watcher.peer, watcher.number, records)
      else if (!this.#cluster.send(watcher.peer, { type: 'store.changed', watch: watcher.number, records })) {
        for (const entry of sent) watcher.news.add(entry)
        this.#tell(watcher, 50 * queueRetry)
        return
      }
      if (watcher.news.size > 0) this.#tell(watcher)
    })
  }

  #told(from: PeerId, number: number, records: readonly WireRecord[]): void {
    const watch = this.#watches.get(number)
    if (watch === undefined) {
      if (from !== this.#cluster.self) this.#cluster.send(from, { type: 'store.unwatch', watch: number })
      return
    }
    for (const wire of records) {
      const { store, key, kind, version, content } = fromWire(wire)
      const { watched } = watch
      if (store !== watch.store) continue
      // A stamp that no replica would believe must not hide all that comes after it.
      if (this.#clock.isAhead(version)) {
        this.#doubted()
        continue
      }
      if (watched.key === undefined ? !key.startsWith(watched.prefix) : key !== watched.key) continue
      const before = watch.told.get(key)
      const held: Held = { kind, version, content }
      const joined = before === undefined ? held : join(before, held)
      if (joined === before) continue
      watch.told.set(key, remembered(joined))
      // A key that is gone already when the watch begins is no news.
      if (before === undefined && joined.content === null) continue
      watch.changed(key, joined)
    }
  }
}

const nothing = new Uint8Array()

/** What must be kept of a state to know whether another adds to it. */
function remembered(held: Held): Held {
  if (held.kind !== kinds.last || held.content === null) return held
  return { kind: held.kind, version: held.version, content: nothing }
}
