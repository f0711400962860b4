import { InvalidOption } from '../errors/index.js'

/** log2 of {@link partitions}. */
export const partitionBits = 17

/**
 * How many equal arcs the circle is cut into. All keys of one arc have the same owners in every ring, so an arc is
 * also the least unit in which state is compared and moved.
 *
 * 2^17, because the share of one of N equal nodes deviates by √(N / (2 · arcs)) of itself (see {@link Contender};
 * measured, the same): 0.6 % at N = 10, 2.0 % at N = 100, where the fullest stays below 1.10 of the mean in all but one
 * of tens of thousands of rings, 4.4 % at N = 500. Twice as many arcs would cost every ring another 256 KiB.
 */
export const partitions = 2 ** partitionBits

const positionBits = 32

/**
 * Where a key lies on the circle: an integer in [0, 2^32), the same on every engine.
 *
 * It is MurmurHash3 (Appleby, 2011; the 32-bit variant, seed 0) of the key's bytes. A string stands
 * for its UTF-8, so that `'é'` and `[0xc3, 0xa9]` are the same key; half of a surrogate pair on its own is
 * written as the three bytes that UTF-8 would give its code point, so that different strings stay
 * different.
 *
 * @throws {InvalidOption} where the key is neither a string nor a `Uint8Array`
 *
 * @example
 * ```ts
 * keyPosition('ada')   // 1874296814
 * ```
 */
export function keyPosition(key: string | Uint8Array): number {
  return hash(key, 0) >>> 0
}

/** The arc that a key lies on: an integer in [0, {@link partitions}). Errors as {@link keyPosition}. */
export function partitionOf(key: string | Uint8Array): number {
  return hash(key, 0) >>> (positionBits - partitionBits)
}

/** As {@link keyPosition}, for any seed and as a signed integer: seeds give unrelated hashes. */
export function hash(key: string | Uint8Array, seed: number): number {
  if (typeof key === 'string') return hashText(key, seed)
  if (key instanceof Uint8Array || Object.prototype.toString.call(key) === '[object Uint8Array]')
    return hashBytes(key, seed)
  throw new InvalidOption('key', key, 'must be a string or a Uint8Array')
}

// The constants of MurmurHash3_x86_32.
const first = 0xcc9e2d51
const second = 0x1b873593

function hashText(text: string, seed: number): number {
  const length = text.length
  const whole = length - (length & 3)
  let state = seed
  let index = 0
  // Gathered and looked at once in the end: a test for every four characters costs more than the rare detour saves.
  let units = 0
  for (; index < whole; index += 4) {
    const a = text.charCodeAt(index)
    const b = text.charCodeAt(index + 1)
    const c = text.charCodeAt(index + 2)
    const d = text.charCodeAt(index + 3)
    units |= a | b | c | d
    state = mixed(state, a | (b << 8) | (c << 16) | (d << 24))
  }
  let tail = 0
  for (let shift = 0; index < length; index++, shift += 8) {
    const unit = text.charCodeAt(index)
    units |= unit
    tail |= unit << shift
  }
  if (units > 0x7f) return hashBytes(utf8(text), seed)
  return finished(state ^ scrambled(tail), length)
}

function hashBytes(bytes: Uint8Array, seed: number): number {
  const length = bytes.length
  const whole = length - (length & 3)
  let state = seed
  let index = 0
  for (; index < whole; index += 4) {
    state = mixed(
      state,
      byteAt(bytes, index) |
        (byteAt(bytes, index + 1) << 8) |
        (byteAt(bytes, index + 2) << 16) |
        (byteAt(bytes, index + 3) << 24),
    )
  }
  let tail = 0
  for (let shift = 0; index < length; index++, shift += 8) tail |= byteAt(bytes, index) << shift
  return finished(state ^ scrambled(tail), length)
}

function byteAt(bytes: Uint8Array, index: number): number {
  return bytes[index] as number
}

function scrambled(word: number): number {
  const product = Math.imul(word, first)
  return Math.imul((product << 15) | (product >>> 17), second)
}

function mixed(state: number, word: number): number {
  const next = state ^ scrambled(word)
  return (Math.imul((next << 13) | (next >>> 19), 5) + 0xe6546b64) | 0
}

function finished(state: number, length: number): number {
  let value = state ^ length
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return value ^ (value >>> 16)
}

/** UTF-8 without the replacement of lone surrogates, which `TextEncoder` would make all alike. */
export function utf8(text: string): Uint8Array {
  const bytes: number[] = []
  for (const character of text) {
    const point = character.codePointAt(0) as number
    if (point < 0x80) bytes.push(point)
    else if (point < 0x800) bytes.push(0xc0 | (point >> 6), 0x80 | (point & 0x3f))
    else if (point < 0x10000)
      bytes.push(0xe0 | (point >> 12), 0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f))
    else
      bytes.push(
        0xf0 | (point >> 18),
        0x80 | ((point >> 12) & 0x3f),
        0x80 | ((point >> 6) & 0x3f),
        0x80 | (point & 0x3f),
      )
  }
  return Uint8Array.from(bytes)
}
