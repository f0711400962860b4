import * as v from 'valibot'
import type { Runtime, Timer } from '../runtime/index.js'
import { type AnyMessageDefinition, messageDefinition, packValue, unpackValue } from '../wire/index.js'
import { batchLength, batchPause, writeDelay, writeRetry } from './constants.js'
import type { Entry } from './entry.js'
import type { Change, Persistence } from './persistence.js'
import type { StoreRecord } from './record.js'

/** Where the time of the last sign of life is kept. */
const aliveKey = 'alive'

/** Milliseconds between two notes that this peer is alive: a sixtieth of a tombstone's life. */
const aliveEvery = 60_000

export interface JournalEvents {
  /** The medium is full, or was and is not any more. */
  full(isFull: boolean): void
  failed(error: Error): void
}

interface Durable {
  readonly keys: readonly string[]
  readonly done: (kept: boolean) => void
}

/** Keys written and not flushed, above which the next write is flushed too, so that the list of them stays short. */
const mostUnflushed = 10_000

/**
 * Keeps storage in step with what is held: changes are collected for a moment and written as one
 * batch, one batch at a time, each key once with its latest state, so that what waits never
 * exceeds what is held.
 */
export class Journal {
  readonly #runtime: Runtime
  readonly #persistence: Persistence
  readonly #events: JournalEvents
  readonly #find: (store: string, key: string) => Entry | undefined
  readonly #foreign: ReadonlySet<Entry>
  /** What differs from storage, by its key there. */
  readonly #changed = new Map<string, readonly [store: string, key: string]>()
  /** Keys that were written since the medium was last flushed; where flushing means something. */
  readonly #unflushed = new Set<string>()
  #durable: Durable[] = []
  #timer: Timer | undefined
  #alive: Timer | undefined
  #isWriting = false
  #isClosed = false
  #noted = 0
  #onIdle: (() => void) | undefined
  isFull = false
  written = 0
  /** The medium was full, and what is held for others is in memory only from then on. */
  #isSparing = false
  /** What was held for others was taken off the medium, and nothing was written since. */
  #hasSpared = false

  /** @param foreign - what is held for others until they have it: the first to go when the medium is full */
  constructor(
    runtime: Runtime,
    persistence: Persistence,
    find: (store: string, key: string) => Entry | undefined,
    foreign: ReadonlySet<Entry>,
    events: JournalEvents,
  ) {
    this.#runtime = runtime
    this.#persistence = persistence
    this.#find = find
    this.#foreign = foreign
    this.#events = events
  }

  /** Whether what is written durably outlives a power failure. */
  get isDurable(): boolean {
    return this.#persistence.durable
  }

  /** Changes that are not in storage yet. */
  get waiting(): number {
    return this.#changed.size
  }

  /**
   * Reads what an earlier life left. `done` gets the wall clock of its last sign of life,
   * undefined when there was none.
   */
  load(record: (record: StoreRecord) => void, done: (alive: number | undefined) => void): void {
    let alive: number | undefined
    this.#persistence.load(
      (key, value) => {
        try {
          if (key === aliveKey) alive = Number(unpackValue(value))
          else {
            const kept = readKept(key, value)
            if (kept !== undefined) record(kept)
          }
        } catch (error) {
          this.#runtime.log('warn', 'skipped a stored record that cannot be read', { key, error })
        }
      },
      (error) => {
        if (error !== undefined) this.#events.failed(error)
        this.#noteAlive()
        done(alive)
      },
    )
  }

  /** A key changed or was dropped. */
  note(store: string, key: string): void {
    if (this.#isClosed) return
    this.#changed.set(storedKey(store, key), [store, key])
    if (!this.#isWriting) this.#timer ??= this.#runtime.timer(writeDelay, () => this.#write())
  }

  /** A key that was held for others is this peer's own now: it is to be on the medium, where it may not be. */
  regain(store: string, key: string): void {
    if (this.#isSparing) this.note(store, key)
  }

  /** Calls back when the states that keys have now are on the medium for good, or could not be put there. */
  keep(places: readonly (readonly [store: string, key: string])[], done: (kept: boolean) => void): void {
    const keys: string[] = []
    for (const [store, name] of places) {
      const key = storedKey(store, name)
      if (this.#changed.has(key) || this.#unflushed.has(key)) keys.push(key)
    }
    if (keys.length === 0 || this.#isClosed) {
      this.#runtime.timer(0, () => done(keys.length === 0))
      return
    }
    this.#durable.push({ keys, done })
    if (this.#isWriting) return
    this.#timer?.cancel()
    // Once the stack is empty: what came in the same moment shares the disk's one flush.
    this.#timer = this.#runtime.timer(0, () => this.#write())
  }

  /** Writes what waits, then lets the medium go. */
  close(done: () => void): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#alive?.cancel()
    const finish = () => this.#persistence.close(done)
    if (this.#changed.size === 0 && !this.#isWriting) {
      finish()
      return
    }
    this.#onIdle = finish
    if (!this.#isWriting) this.#write()
  }

  /** A peer with nothing to write is alive too. */
  #noteAlive(): void {
    if (this.#isClosed) return
    this.#alive = this.#runtime.timer(aliveEvery, () => {
      if (!this.#isWriting) this.#timer ??= this.#runtime.timer(0, () => this.#write())
      this.#noteAlive()
    })
  }

  #write(): void {
    this.#timer = undefined
    if (this.#isWriting) return
    const wanted = new Set<string>()
    for (const { keys } of this.#durable) for (const key of keys) wanted.add(key)
    const taken: [string, readonly [string, string]][] = []
    for (const key of wanted) {
      const place = this.#changed.get(key)
      if (place !== undefined) taken.push([key, place])
    }
    for (const change of this.#changed) {
      if (taken.length >= batchLength) break
      if (!wanted.has(change[0])) taken.push(change)
    }
    const batch: Change[] = taken.map(([key, [store, name]]) => {
      const entry = this.#find(store, name)
      return [key, entry && !this.#isSpared(entry) ? keptBytes(entry) : undefined]
    })
    const now = this.#runtime.wallClock()
    if (now - this.#noted >= aliveEvery / 2) {
      this.#noted = now
      batch.push([aliveKey, packValue(now)])
    }
    for (const [key] of taken) this.#changed.delete(key)
    const durable = this.#durable
    this.#durable = []
    // What was written before is flushed with what is written now; a medium may skip a batch of nothing.
    const isFlushed = durable.length > 0 || this.#unflushed.size > mostUnflushed
    if (isFlushed && batch.length === 0) batch.push([aliveKey, packValue(now)])
    if (this.isDurable) for (const [key] of taken) this.#unflushed.add(key)
    this.#isWriting = true
    this.#persistence.write(batch, isFlushed, (error) => {
      this.#isWriting = false
      if (error !== undefined) {
        if (this.#spare(error, taken, durable)) return
        this.#failed(error, taken)
      } else {
        if (isFlushed) this.#unflushed.clear()
        this.#hasSpared = false
        this.written += batch.length
        if (this.isFull) {
          this.isFull = false
          this.#events.full(false)
        }
      }
      for (const { done } of durable) done(error === undefined)
      this.#next(error !== undefined)
    })
  }

  /**
   * Makes room on a full medium by taking off what is held for others: they are being brought it, and
   * it stays in memory until they have it. Not where `durable` may rest on it. Answers whether the
   * write is tried again.
   */
  #spare(
    error: Error,
    taken: readonly [string, readonly [string, string]][],
    durable: readonly Durable[],
  ): boolean {
    if (error.name !== 'QuotaExceededError' || this.isDurable || this.#hasSpared || this.#isClosed)
      return false
    const batch: Change[] = []
    for (const { store, key } of this.#foreign) batch.push([storedKey(store, key), undefined])
    if (batch.length === 0) return false
    this.#isSparing = true
    this.#hasSpared = true
    for (const [key, place] of taken) if (!this.#changed.has(key)) this.#changed.set(key, place)
    this.#durable.unshift(...durable)
    this.#isWriting = true
    this.#persistence.write(batch, false, (failed) => {
      this.#isWriting = false
      if (failed !== undefined) this.#events.failed(failed)
      this.#write()
    })
    return true
  }

  #isSpared(entry: Entry): boolean {
    return this.#isSparing && this.#foreign.has(entry)
  }

  #failed(error: Error, taken: readonly [string, readonly [string, string]][]): void {
    if (!this.#isClosed)
      for (const [key, place] of taken) if (!this.#changed.has(key)) this.#changed.set(key, place)
    if (error.name === 'QuotaExceededError') {
      if (this.isFull) return
      this.isFull = true
      this.#events.full(true)
    } else this.#events.failed(error)
  }

  #next(hasFailed: boolean): void {
    if (this.#durable.length > 0 || (this.#isClosed && !hasFailed && this.#changed.size > 0)) {
      this.#write()
      return
    }
    if (this.#isClosed) {
      this.#onIdle?.()
      this.#onIdle = undefined
    } else if (this.#changed.size > 0) {
      // A medium that fails is tried again, though not at once.
      const delay = hasFailed ? writeRetry : this.#changed.size >= batchLength ? batchPause : writeDelay
      this.#timer ??= this.#runtime.timer(delay, () => this.#write())
    }
  }
}

/** The name of a store holds any character, so it is escaped, and the first slash ends it. */
function storedKey(store: string, key: string): string {
  return `r/${encodeURIComponent(store)}/${key}`
}

function keptBytes(entry: Entry): Uint8Array {
  return packValue([entry.replicas, entry.kind, entry.version, entry.content])
}

/** As the wire has them: what no peer may send shall not come from storage either, where anything may be. */
const { fields } = messageDefinition('store.put') as AnyMessageDefinition
const placeSchema: v.GenericSchema<unknown, [string, string]> = v.strictTuple([fields.store, fields.key])
const keptSchema: v.GenericSchema<unknown, [number, number, string, Uint8Array | null]> = v.strictTuple([
  fields.replicas,
  fields.kind,
  fields.version,
  fields.content,
])

/** @throws {v.ValiError} for what is no record */
function readKept(storedAs: string, value: Uint8Array): StoreRecord | undefined {
  const end = storedAs.indexOf('/', 2)
  if (!storedAs.startsWith('r/') || end < 0) return undefined
  const place = [decodeURIComponent(storedAs.slice(2, end)), storedAs.slice(end + 1)]
  const [store, key] = v.parse(placeSchema, place)
  const [replicas, kind, version, content] = v.parse(keptSchema, unpackValue(value))
  return { store, replicas, key, kind, version, content }
}
