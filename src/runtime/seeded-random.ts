/**
 * A deterministic source of chance: `sfc32` by Chris Doty-Humphrey (PractRand), 128 bits of state.
 * Only additions, shifts and exclusive-ors on 32-bit integers, so every engine gives the same row.
 *
 * @param seed - any string or number; equal seeds give equal rows, similar seeds unrelated ones
 * @returns a function that gives numbers in [0, 1)
 */
export function seededRandom(seed: string | number): () => number {
  let a = 0x9e3779b9
  let b = 0x243f6a88
  let c = 0xb7e15162
  let counter = 1
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + sum) | 0
    return sum >>> 0
  }
  for (const character of String(seed)) {
    a ^= character.codePointAt(0) as number
    next()
  }
  // Twelve rounds let every bit of the seed reach every bit of the state, as PractRand's own seeding does.
  for (let round = 0; round < 12; round++) next()
  return () => next() / 2 ** 32
}
