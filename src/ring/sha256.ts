/** SHA-256 (FIPS 180-4). Here because floors 1 to 4 have no `crypto`, whose digest is asynchronous besides. */

/** The first 32 bits of the fractions of the roots of the first primes, exactly, as the standard defines its constants. */
function rootFractions(count: number, degree: 2n | 3n): Int32Array {
  const words = new Int32Array(count)
  for (let candidate = 2n, found = 0; found < count; candidate++) {
    if (!isPrime(candidate)) continue
    words[found++] = Number(BigInt.asIntN(32, integerRoot(candidate << (32n * degree), degree)))
  }
  return words
}

function isPrime(candidate: bigint): boolean {
  for (let divisor = 2n; divisor * divisor <= candidate; divisor++)
    if (candidate % divisor === 0n) return false
  return true
}

/** The greatest integer whose power is not above `value`, by bisection. */
function integerRoot(value: bigint, degree: bigint): bigint {
  let low = 0n
  let high = 1n << 40n
  while (low < high) {
    const middle = (low + high + 1n) >> 1n
    if (middle ** degree <= value) low = middle
    else high = middle - 1n
  }
  return low
}

const roundConstants = rootFractions(64, 3n)
const initialState = rootFractions(8, 2n)
const blockBytes = 64
const lengthBytes = 8

/** The digest of `bytes`: 64 hexadecimal digits. */
export function sha256(bytes: Uint8Array): string {
  const padded = new Uint8Array(Math.ceil((bytes.length + 1 + lengthBytes) / blockBytes) * blockBytes)
  padded.set(bytes)
  padded[bytes.length] = 0x80
  const view = new DataView(padded.buffer)
  view.setBigUint64(padded.length - lengthBytes, BigInt(bytes.length) * 8n)
  const state = initialState.slice()
  const schedule = new Int32Array(64)
  for (let block = 0; block < padded.length; block += blockBytes) {
    for (let word = 0; word < 16; word++) schedule[word] = view.getInt32(block + 4 * word)
    compress(state, schedule)
  }
  return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('')
}

function compress(state: Int32Array, schedule: Int32Array): void {
  for (let t = 16; t < 64; t++) {
    const early = at(schedule, t - 15)
    const late = at(schedule, t - 2)
    const s0 = rotated(early, 7) ^ rotated(early, 18) ^ (early >>> 3)
    const s1 = rotated(late, 17) ^ rotated(late, 19) ^ (late >>> 10)
    schedule[t] = s1 + at(schedule, t - 7) + s0 + at(schedule, t - 16)
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as Eight
  for (let t = 0; t < 64; t++) {
    const sum1 = rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)
    const choice = (e & f) ^ (~e & g)
    const t1 = (h + sum1 + choice + at(roundConstants, t) + at(schedule, t)) | 0
    const sum0 = rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)
    const majority = (a & b) ^ (a & c) ^ (b & c)
    const t2 = (sum0 + majority) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  for (const [index, word] of [a, b, c, d, e, f, g, h].entries()) state[index] = at(state, index) + word
}

type Eight = [number, number, number, number, number, number, number, number]

function at(words: Int32Array, index: number): number {
  return words[index] as number
}

function rotated(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by))
}
