import { InvalidOption, RingmeshError } from '../errors/index.js'
import { packValue } from '../wire/index.js'
import type { Version } from './clock.js'
import { Codec } from './codec.js'
import type { Coordinator } from './coordinator.js'
import type { Held } from './held.js'
import type { Restamp } from './merges/restamp.js'
import {
  type CheckedStoreOptions,
  checkFunction,
  checkGetOptions,
  checkKey,
  checkPrefix,
  checkPutOptions,
  checkWatchPrefix,
  type GetOptions,
  type PutOptions,
  type PutResult,
} from './options.js'
import { join, type StoreRecord } from './record.js'
import { Session } from './session.js'
import { Turns } from './turns.js'
import type { WriteEnd } from './writer.js'

/** How often `update` tries again when another write came between. */
const mostConflicts = 32

/** How often a write is tried again that owners refused for its stamp: clocks are asked for once a second, so this is some seconds. */
const mostClockRefusals = 3

/** How often a write is stamped anew because a replica held something later: once is enough unless others write on. */
const mostOvertaken = 3

/** Milliseconds between two tries of an update, times a random factor and the number of tries. */
const conflictDelay = 5

/**
 * A named part of the sharded state: keys on the ring, each on `replicas` peers.
 *
 * @example
 * ```ts
 * const scores = mesh.store('scores')
 * await scores.put('ada', 36)
 * await scores.get('ada')                               // 36
 * await scores.update('ada', (old) => (old ?? 0) + 1)
 * const stop = scores.watch({ prefix: 'a' }, (value, version, key) => show(key, value))
 * ```
 */
export class Store<Value = unknown> {
  readonly name: string
  readonly #coordinator: Coordinator
  readonly #options: CheckedStoreOptions
  readonly #session = new Session()
  readonly #codec: Codec<Value>
  /** A write that merges rests on what was there before, so those of this page follow one another. */
  readonly #turns = new Turns()

  constructor(coordinator: Coordinator, name: string, options: CheckedStoreOptions) {
    this.#coordinator = coordinator
    this.name = name
    this.#options = options
    this.#codec = new Codec<Value>(coordinator.cluster.self, options.merge)
  }

  /**
   * Writes a key. Resolves when `writes` owners hold it.
   *
   * @throws {RingmeshError} `InvalidOption` for a bad key or value, `TooLarge`, `NotEnoughPeers` (nothing was
   * sent, or owners have no room: fewer than `writes` may hold it), `NotDurable`, `Timeout` (whether it lasts is unknown: its
   * time is over, or so many left meanwhile that it will not be held often enough), `Closed`
   */
  async put(key: string, value: Value, given?: PutOptions): Promise<PutResult> {
    checkKey(key, 'put.key')
    const options = checkPutOptions(given, 'put')
    this.#coordinator.refuseWhenClosed()
    if (value === undefined) throw new InvalidOption('put.value', value, 'must not be undefined: use delete')
    if (this.#codec.merges) return this.#merge(key, () => value, options)
    return this.#write(key, this.#packed(value), options)
  }

  /** Deletes a key. Resolves when `writes` owners know. @throws as {@link put} */
  async delete(key: string, given?: PutOptions): Promise<PutResult> {
    checkKey(key, 'delete.key')
    const options = checkPutOptions(given, 'delete')
    this.#coordinator.refuseWhenClosed()
    return this.#write(key, null, options)
  }

  /**
   * Reads a key: from this peer when it holds a copy, otherwise from an owner; with `fresh` the
   * latest of `reads` owners. Never anything older than this page has read or written before.
   *
   * @returns the value, or undefined where there is none
   * @throws {RingmeshError} `InvalidOption` for a bad key, `Timeout`, `Closed`
   */
  async get(key: string, given?: GetOptions): Promise<Value | undefined> {
    checkKey(key, 'get.key')
    const options = checkGetOptions(given, 'get')
    this.#coordinator.refuseWhenClosed()
    if (options.fresh !== true) {
      const entry = this.#coordinator.find(this.name, key)
      if (entry?.owners.includes(this.#coordinator.cluster.self)) {
        const held = this.#seen(key, pick(entry))
        // The next read may be another owner's to answer, which may lag behind this one.
        this.#session.note(key, held)
        return this.#value(held)
      }
    }
    return this.#value(await this.#read(key, options))
  }

  /**
   * Reads, changes and writes back: the write counts only if the first owner still holds the
   * version that was read; otherwise `change` is called again with what it holds now.
   *
   * @param change - gets the value, undefined where there is none; what it returns is written, undefined deletes
   * @throws {RingmeshError} as {@link put}, and `Conflict` when others came between too often
   *
   * @example
   * ```ts
   * await scores.update('ada', (old) => (old ?? 0) + 1)
   * ```
   */
  async update(
    key: string,
    change: (old: Value | undefined) => Value | undefined | Promise<Value | undefined>,
    given?: PutOptions,
  ): Promise<PutResult> {
    checkKey(key, 'update.key')
    checkFunction(change, 'update.change')
    const options = checkPutOptions(given, 'update')
    this.#coordinator.refuseWhenClosed()
    if (this.#codec.merges) return this.#merge(key, change, options)
    let held = await this.#read(key, options)
    for (let conflicts = 0; conflicts < mostConflicts; conflicts++) {
      const next = await change(this.#value(held))
      const content = next === undefined ? null : this.#packed(next)
      const end = await this.#tryWrite(key, content, options, held?.version ?? '')
      if (end.kind === 'written') return end.written
      if (end.kind === 'failed') throw end.error
      if (end.kind === 'conflict') held = end.held
      if (held !== undefined) this.#coordinator.clock.observe(held.version)
      await this.#pause(conflictDelay * (conflicts + 1))
    }
    throw new RingmeshError(
      'Conflict',
      `others wrote '${key}' of '${this.name}' ${mostConflicts} times in between`,
    )
  }

  /**
   * Tells of every change of a key, or of all keys with a prefix: first what is there, then each
   * later state, once, in the order of versions; states that follow each other quickly may be told
   * as the last of them. Goes on while keys move between peers.
   *
   * @param changed - gets the value (undefined: deleted), its version and its key
   * @returns the function that ends it
   * @throws {InvalidOption}
   * @throws {RingmeshError} `Closed` once the mesh was left
   */
  watch(
    what: string | { readonly prefix: string },
    changed: (value: Value | undefined, version: Version, key: string) => void,
  ): () => void {
    const watched =
      typeof what === 'string' ? { key: checkKey(what, 'watch.key') } : { prefix: checkWatchPrefix(what) }
    checkFunction(changed, 'watch.changed')
    this.#coordinator.refuseWhenClosed()
    return this.#coordinator.watches.watch(this.name, this.#options.replicas, watched, (key, held) => {
      this.#session.note(key, held)
      this.#coordinator.clock.observe(held.version)
      try {
        changed(this.#value(held), held.version, key)
      } catch (error) {
        this.#coordinator.cluster.runtime.log('error', `a watch of '${this.name}' threw`, { error })
      }
    })
  }

  /**
   * Goes through all keys with a prefix over the whole mesh, in their order (by UTF-16 units), a
   * page at a time. Keys written meanwhile may or may not be met.
   *
   * @throws {RingmeshError} `Timeout` when so many peers do not answer that keys could be missing, `Closed`
   */
  async *entries(options?: { readonly prefix?: string }): AsyncGenerator<[key: string, value: Value]> {
    const prefix = checkPrefix(options, 'entries')
    let after: string | null = null
    for (;;) {
      this.#coordinator.refuseWhenClosed()
      const page: { records: readonly StoreRecord[]; more: boolean } = await this.#page(prefix, after)
      for (const record of page.records) {
        const held = this.#seen(record.key, record)
        const value = this.#value(held)
        if (value !== undefined) yield [record.key, value]
      }
      const last = page.records.at(-1)
      if (!page.more || last === undefined) return
      after = last.key
    }
  }

  /** Puts right what this page remembers, when this machine's clock turned out to be ahead. */
  restamp(restamp: Restamp): void {
    this.#session.restamp(restamp)
  }

  /** Reads, changes, and sends only what changed: nothing that comes between can conflict. */
  #merge(
    key: string,
    change: (old: Value | undefined) => Value | undefined | Promise<Value | undefined>,
    options: PutOptions,
  ): Promise<PutResult> {
    const work = async () => {
      const held = await this.#read(key, options)
      if (held !== undefined) this.#coordinator.clock.observe(held.version)
      const next = await change(this.#value(held))
      if (next === undefined) return this.#write(key, null, options)
      return this.#write(
        key,
        (version) => {
          const content = this.#codec.pack(key, held, next, version)
          // What is sent is small; what the replicas make of it is what the limit is about.
          const whole =
            held === undefined ? content : join(held, { kind: this.#codec.kind, version, content }).content
          this.#bounded(whole ?? content)
          return content
        },
        options,
      )
    }
    return this.#turns.take(key, work)
  }

  async #write(key: string, content: Content, options: PutOptions): Promise<PutResult> {
    const { runtime } = this.#coordinator.cluster
    const deadline = runtime.now() + (options.timeout ?? this.#options.timeout)
    let refusals = 0
    let overtaken = 0
    for (;;) {
      // All tries together have the time of one.
      const timeout = Math.max(0, deadline - runtime.now())
      const end = await this.#tryWrite(key, content, { ...options, timeout }, null)
      if (end.kind === 'failed') throw end.error
      const isLast = runtime.now() >= deadline
      if (end.kind === 'written') {
        // A write that begins when another has ended is the later one, though this machine's clock be behind.
        if (end.overtaken === undefined || this.#codec.merges || isLast || overtaken++ >= mostOvertaken)
          return end.written
        this.#coordinator.clock.observe(end.overtaken)
      } else if (isLast || refusals++ >= mostClockRefusals)
        // The clock that is wrong, here or there, is corrected by now or will be in a moment.
        throw new RingmeshError('Timeout', `the clocks of this peer and the owners of '${key}' disagree`)
    }
  }

  #tryWrite(
    key: string,
    content: Content,
    options: PutOptions,
    expected: Version | '' | null,
  ): Promise<WriteEnd> {
    const { replicas, writes, fewerSuffice = false } = this.#options
    const { clock } = this.#coordinator
    const durable = options.durable ?? false
    this.#checkPeers(key, durable)
    const version = clock.next()
    const record: StoreRecord = {
      store: this.name,
      replicas,
      key,
      kind: this.#codec.kind,
      version,
      content: typeof content === 'function' ? content(version) : content,
    }
    const timeout = options.timeout ?? this.#options.timeout
    return new Promise((resolve) => {
      this.#coordinator.write(record, { writes, fewerSuffice, durable, expected, timeout }, (end) => {
        if (end.kind === 'written') this.#session.note(key, record)
        resolve(end)
      })
    })
  }

  #checkPeers(key: string, durable: boolean): void {
    const { writes, fewerSuffice = false } = this.#options
    const { ring, nextRing } = this.#coordinator.cluster
    // Those that come hold nothing yet, and those that leave will not for long.
    const able = fewerSuffice ? ring.size : Math.min(ring.size, nextRing.size)
    if (able < (fewerSuffice ? 1 : writes)) {
      throw new RingmeshError(
        'NotEnoughPeers',
        `'${key}' of '${this.name}' needs ${writes} peers that hold state and stay, and there are ${able}`,
      )
    }
    if (!durable) return
    const hasEdge = ring.nodes().some(({ id }) => this.#coordinator.cluster.member(id)?.kind === 'edge')
    if (!hasEdge)
      throw new RingmeshError(
        'NotDurable',
        `there is no edge worker to keep '${key}' of '${this.name}' on disk`,
      )
  }

  #read(key: string, options: GetOptions): Promise<Held | undefined> {
    const { replicas, reads, writes } = this.#options
    return new Promise((resolve, reject) => {
      this.#coordinator.read(
        { store: this.name, replicas, key },
        {
          reads: options.fresh === true ? reads : 1,
          writes,
          timeout: options.timeout ?? this.#options.timeout,
        },
        (end) => {
          if (end.kind === 'failed') {
            reject(end.error)
            return
          }
          const held = this.#seen(key, end.held)
          this.#session.note(key, held)
          // What this page writes next must follow what it has read, wherever that was stamped.
          if (held !== undefined) this.#coordinator.clock.observe(held.version)
          if (held !== undefined && end.stale.length > 0)
            this.#coordinator.repair({ store: this.name, replicas, key, ...pick(held) }, end.stale)
          resolve(held)
        },
      )
    })
  }

  #page(prefix: string, after: string | null): Promise<{ records: readonly StoreRecord[]; more: boolean }> {
    const { replicas, writes } = this.#options
    const place = { store: this.name, replicas, writes }
    return new Promise((resolve, reject) => {
      this.#coordinator.listing.gather(place, prefix, after, (error, records, more) => {
        if (error === undefined) resolve({ records, more })
        else reject(error)
      })
    })
  }

  #pause(milliseconds: number): Promise<void> {
    const { runtime } = this.#coordinator.cluster
    return new Promise((resolve) => runtime.timer(milliseconds * (0.5 + runtime.random()), resolve))
  }

  /** What a replica answered, and nothing older than this page has seen. */
  #seen(key: string, held: Held | undefined): Held | undefined {
    return this.#session.read(key, held, this.#coordinator.remembersSince)
  }

  #packed(value: Value): Uint8Array {
    return this.#bounded(packValue(value))
  }

  #bounded(bytes: Uint8Array): Uint8Array {
    const { largest } = this.#options
    if (bytes.byteLength > largest)
      throw new RingmeshError(
        'TooLarge',
        `a value of ${bytes.byteLength} bytes is over the limit of ${largest}`,
      )
    return bytes
  }

  #value(held: Held | undefined): Value | undefined {
    return held === undefined ? undefined : this.#codec.unpack(held)
  }
}

/** Content, or how to make it once the version is known. */
type Content = Uint8Array | null | ((version: Version) => Uint8Array)

function pick({ kind, version, content }: Held): Held {
  return { kind, version, content }
}
