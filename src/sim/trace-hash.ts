const double = new Float64Array(1)
const words = new Uint32Array(double.buffer)

/** Numbers for the strings of traces: hashed once each, by content, then looked up. */
const stringHashes = new Map<string, number>()
/** A bound on the table above; strings beyond it are hashed every time. */
const rememberedStrings = 100_000

function stringHash(text: string): number {
  const known = stringHashes.get(text)
  if (known !== undefined) return known
  // FNV-1a, 32 bits, over UTF-16 code units.
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  if (stringHashes.size < rememberedStrings) stringHashes.set(text, hash)
  return hash
}

/**
 * A 64-bit hash of everything that happened in a run, in order: two runs took the same steps at
 * the same times exactly when their hashes are equal, up to chance. Two 32-bit lanes with the
 * rotate-multiply step and the finalizer of MurmurHash3 (A. Appleby, public domain), so it needs
 * 32-bit integers only and every engine gives the same.
 */
export class TraceHash {
  #a = 0x9e3779b9 | 0
  #b = 0x243f6a88 | 0
  #steps = 0

  /** How many values were mixed in. */
  get steps(): number {
    return this.#steps
  }

  integer(value: number): void {
    const a = Math.imul(value ^ this.#a, 0xcc9e2d51)
    this.#a = (Math.imul((a << 15) | (a >>> 17), 5) + 0xe6546b64) | 0
    const b = Math.imul((value + this.#a) ^ this.#b, 0x1b873593)
    this.#b = (Math.imul((b << 13) | (b >>> 19), 5) + 0x38b34ae5) | 0
    this.#steps++
  }

  /** A double, bit by bit: virtual times are sums of doubles, which IEEE 754 makes equal everywhere. */
  number(value: number): void {
    double[0] = value
    this.integer(words[0] as number)
    this.integer(words[1] as number)
  }

  string(value: string): void {
    this.integer(stringHash(value))
  }

  value(value: string | number | boolean): void {
    if (typeof value === 'string') this.string(value)
    else if (typeof value === 'number') this.number(value)
    else this.integer(value ? 1 : 2)
  }

  /** 16 hexadecimal digits. */
  digest(): string {
    return finished(this.#a ^ this.#steps) + finished(this.#b)
  }
}

function finished(lane: number): string {
  let hash = lane
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0).toString(16).padStart(8, '0')
}
