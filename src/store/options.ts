import * as v from 'valibot'
import { checkNames, checkOptions, InvalidOption } from '../errors/index.js'
import type { PeerId } from '../wire/index.js'
import type { Version } from './clock.js'
import { defaultValueBytes, keyBytes, mostReplicas, requestTimeout } from './constants.js'
import { algebraOf, type Merge } from './merges/index.js'

/** How a store keeps its keys; `replicas`, `writes` and `merge` are the same on every peer. */
export interface StoreOptions<Value = unknown> {
  /**
   * How concurrent writes become one: `counter()`, `set()`, `map()`, or a function that is
   * commutative, associative and idempotent. Without it the later write wins. All peers must give the same.
   */
  merge?: Merge<Value> | ((a: Value, b: Value) => Value)
  /** Copies of every key. Default 3, at most 16. All peers must give the same. */
  replicas?: number
  /** Copies that must be held before a write resolves. Default 2, at most `replicas`. */
  writes?: number
  /** Copies that a read with `fresh` hears. Default 2: with writes 2 of 3 it meets the latest write. */
  reads?: number
  /** The largest value in bytes, packed. Default 1 MiB, at most 4 MiB. */
  largest?: number
  /** Milliseconds before a call rejects with `Timeout`. Default 10 s, at most 10 minutes. */
  timeout?: number
}

/** How one write is made. */
export interface PutOptions {
  /** Waits until an edge worker has it on its disk too. */
  durable?: boolean
  /** Milliseconds before it rejects with `Timeout`, a whole number up to 10 minutes; the store's by default. */
  timeout?: number
}

/** How one read is made. */
export interface GetOptions {
  /** Hears `reads` owners and answers with the latest. */
  fresh?: boolean
  /** Milliseconds before it rejects with `Timeout`, a whole number up to 10 minutes; the store's by default. */
  timeout?: number
}

/** How a write ended well. */
export interface PutResult {
  /** Of the write; versions of a key compare as strings, the later one is greater. */
  readonly version: Version
  /** The peers that hold it. */
  readonly holders: readonly PeerId[]
}

const positive = (most: number) =>
  v.pipe(
    v.number('must be a number'),
    v.integer('must be a whole number'),
    v.minValue(1, 'must be at least 1'),
    v.maxValue(most, `must be at most ${most}`),
  )

const storeOptions = v.strictObject({
  replicas: v.optional(positive(mostReplicas), 3),
  writes: v.optional(positive(mostReplicas)),
  reads: v.optional(positive(mostReplicas)),
  merge: v.optional(
    v.custom<unknown>(
      (merge) => typeof merge === 'function' || algebraOf(merge) !== undefined,
      'must be counter(), set(), map() or a function of two values',
    ),
  ),
  largest: v.optional(positive(4 * 1024 * 1024), defaultValueBytes),
  timeout: v.optional(positive(600_000), requestTimeout),
})

const deadline = { timeout: v.optional(positive(600_000)) }
const yesOrNo = v.optional(v.boolean('must be true or false'))
const putOptions = v.strictObject({ ...deadline, durable: yesOrNo })
const getOptions = v.strictObject({ ...deadline, fresh: yesOrNo })
const entriesOptions = v.strictObject({ prefix: v.optional(v.string('must be a string')) })

/** Options of one write. @throws {InvalidOption} naming the option, below `at` */
export function checkPutOptions(options: unknown, at: string): PutOptions {
  return options === undefined ? {} : (checkOptions(putOptions, options, at) as PutOptions)
}

/** Options of one read. @throws {InvalidOption} */
export function checkGetOptions(options: unknown, at: string): GetOptions {
  return options === undefined ? {} : (checkOptions(getOptions, options, at) as GetOptions)
}

/** The prefix of the keys to go through: every key where none is named. @throws {InvalidOption} */
export function checkPrefix(options: unknown, at: string): string {
  return checkKey(checkOptions(entriesOptions, options ?? {}, at).prefix ?? '', `${at}.prefix`)
}

/** The prefix of the keys to watch. @throws {InvalidOption} */
export function checkWatchPrefix(what: { readonly prefix: string }): string {
  checkNames(what, ['prefix'], 'watch', 'must be a key or { prefix }')
  return checkKey(what.prefix, 'watch.prefix')
}

/** @throws {InvalidOption} */
export function checkFunction(given: unknown, at: string): void {
  if (typeof given !== 'function') throw new InvalidOption(at, given, 'must be a function')
}

/** What the rooms above ask of a store of their own, and an application cannot. */
export interface OwnStoreTerms {
  /**
   * Where fewer peers than `writes` hold state and stay, their copies are enough: better kept by one than by nobody.
   * Default: such a write is refused, or not acknowledged.
   */
  readonly fewerSuffice?: boolean
}

/** Options of a store with their defaults filled in. */
export interface CheckedStoreOptions extends OwnStoreTerms {
  readonly replicas: number
  readonly writes: number
  readonly reads: number
  readonly merge: unknown
  readonly largest: number
  readonly timeout: number
}

/** Characters of UTF-16 that stand for nothing by themselves: they do not survive UTF-8. */
const loneSurrogate = /\p{Surrogate}/u

/** @throws {InvalidOption} naming what is wrong */
export function checkStoreName(name: unknown): string {
  const schema = v.pipe(
    v.string('must be a string'),
    v.minLength(1, 'must not be empty'),
    v.maxLength(256, 'must be at most 256 characters'),
    v.check((text) => !loneSurrogate.test(text), 'must be well-formed text'),
  )
  return checkOptions(schema, name, 'store.name')
}

/** @throws {InvalidOption} naming the option and its value */
export function checkStoreOptions(options: unknown): CheckedStoreOptions {
  const checked = checkOptions(storeOptions, options, 'store')
  const { replicas, merge, largest, timeout } = checked
  const writes = checked.writes ?? Math.min(2, replicas)
  const reads = checked.reads ?? Math.min(2, replicas)
  if (writes > replicas)
    throw new InvalidOption('store.writes', writes, `must be at most replicas (${replicas})`)
  if (reads > replicas)
    throw new InvalidOption('store.reads', reads, `must be at most replicas (${replicas})`)
  return { replicas, writes, reads, merge, largest, timeout }
}

/** @throws {InvalidOption} when a key is no text or over 1 KiB as UTF-8 */
export function checkKey(key: unknown, at: string): string {
  if (typeof key !== 'string') throw new InvalidOption(at, key, 'must be a string')
  // No UTF-16 unit takes more than three bytes, so short keys need not be measured.
  if (3 * key.length > keyBytes && bytesOf(key) > keyBytes)
    throw new InvalidOption(at, key, `must be at most ${keyBytes} bytes as UTF-8`)
  if (loneSurrogate.test(key)) throw new InvalidOption(at, key, 'must be well-formed text')
  return key
}

function bytesOf(text: string): number {
  let bytes = 0
  for (const character of text) {
    const code = character.codePointAt(0) as number
    bytes += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return bytes
}
