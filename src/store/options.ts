import * as v from 'valibot'
import { checkOptions, InvalidOption } from '../errors/index.js'
import { defaultValueBytes, keyBytes, mostReplicas, requestTimeout } from './constants.js'
import { algebraOf } from './merges/index.js'

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

/** Options of a store with their defaults filled in. */
export interface CheckedStoreOptions {
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
