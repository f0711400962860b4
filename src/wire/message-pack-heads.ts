/**
 * What stands before the contents of MessagePack values, each in its shortest form, as the library
 * writes it (https://github.com/msgpack/msgpack/blob/master/spec.md). A `length` says how many bytes
 * the `write` of the same name takes; each `write` gives where the next value begins.
 */

/** A whole number from 0 to 2^53 − 1. */
export function naturalLength(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x100) return 2
  if (value < 0x10000) return 3
  return value < 0x1_0000_0000 ? 5 : 9
}

export function writeNatural(target: Uint8Array, at: number, value: number): number {
  if (value >= 0x80) {
    if (value < 0x100) return writeHead(target, at, 0xcc, value, 1)
    if (value < 0x10000) return writeHead(target, at, 0xcd, value, 2)
    if (value < 0x1_0000_0000) return writeHead(target, at, 0xce, value, 4)
    return writeHead(target, at, 0xcf, value, 8)
  }
  target[at] = value
  return at + 1
}

/** The head of an array of `count` values. */
export function arrayLength(count: number): number {
  if (count < 0x10) return 1
  return count < 0x10000 ? 3 : 5
}

export function writeArray(target: Uint8Array, at: number, count: number): number {
  if (count >= 0x10)
    return count < 0x10000 ? writeHead(target, at, 0xdc, count, 2) : writeHead(target, at, 0xdd, count, 4)
  target[at] = 0x90 | count
  return at + 1
}

/** The head of a row of `bytes` bytes. */
export function binaryLength(bytes: number): number {
  if (bytes < 0x100) return 2
  return bytes < 0x10000 ? 3 : 5
}

export function writeBinary(target: Uint8Array, at: number, bytes: number): number {
  if (bytes < 0x100) return writeHead(target, at, 0xc4, bytes, 1)
  if (bytes < 0x10000) return writeHead(target, at, 0xc5, bytes, 2)
  return writeHead(target, at, 0xc6, bytes, 4)
}

/** A type and a big-endian number of `width` bytes. */
function writeHead(target: Uint8Array, at: number, type: number, value: number, width: number): number {
  target[at] = type
  let left = value
  for (let index = at + width; index > at; index--) {
    target[index] = left % 256
    left = Math.floor(left / 256)
  }
  return at + width + 1
}

/** Reads heads one after the other. Each gives undefined where there is another head, or the bytes end. */
export class HeadReader {
  readonly #bytes: Uint8Array
  /** Where the next value begins. */
  at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  natural(): number | undefined {
    const head = this.#bytes[this.at++]
    if (head === undefined || head < 0x80) return head
    return head >= 0xcc && head <= 0xcf ? this.#number(1 << (head - 0xcc)) : undefined
  }

  /** The count of an array's values. */
  array(): number | undefined {
    const head = this.#bytes[this.at++]
    if (head === undefined) return undefined
    if (head >= 0x90 && head < 0xa0) return head - 0x90
    return head === 0xdc || head === 0xdd ? this.#number(2 << (head - 0xdc)) : undefined
  }

  /** A row of bytes, in the same memory. */
  binary(): Uint8Array | undefined {
    const head = this.#bytes[this.at++]
    if (head === undefined || head < 0xc4 || head > 0xc6) return undefined
    const length = this.#number(1 << (head - 0xc4))
    if (length === undefined || this.at + length > this.#bytes.length) return undefined
    const start = this.at
    this.at += length
    return this.#bytes.subarray(start, this.at)
  }

  /** A big-endian number of `width` bytes. */
  #number(width: number): number | undefined {
    const end = this.at + width
    if (end > this.#bytes.length) return undefined
    let value = 0
    while (this.at < end) value = value * 256 + (this.#bytes[this.at++] as number)
    return Number.isSafeInteger(value) ? value : undefined
  }
}
