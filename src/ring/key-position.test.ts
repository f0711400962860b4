import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hash, keyPosition, partitionOf, partitions, utf8 } from './key-position.js'

describe('the position of a key', () => {
  // Known answers of MurmurHash3_x86_32.
  test.each([
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['a', 0, 0x3c2569b2],
    ['aaa', 0x9747b28c, 0x283e0130],
    ['hello', 0, 0x248bfa47],
    ['hello, world', 0, 0x149bbb7f],
    ['The quick brown fox jumps over the lazy dog', 0, 0x2e4ff723],
    ['ππππππππ', 0x9747b28c, 0xd58063c1],
  ])('of %j with the seed %i is that of MurmurHash3', (key, seed, expected) => {
    expect(hash(key, seed) >>> 0).toBe(expected)
  })

  test('of a string is that of its UTF-8', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (key) => {
        expect(keyPosition(new TextEncoder().encode(key))).toBe(keyPosition(key))
      }),
    )
  })

  test('is read from a view into a larger buffer, and from bytes of another realm', () => {
    const bytes = new Uint8Array([9, 9, 0x61, 0x64, 0x61, 9]).subarray(2, 5)
    expect(keyPosition(bytes)).toBe(keyPosition('ada'))
    const foreign = runInNewContext('new Uint8Array([0x61, 0x64, 0x61])') as Uint8Array
    expect(foreign).not.toBeInstanceOf(Uint8Array)
    expect(keyPosition(foreign)).toBe(keyPosition('ada'))
  })

  test('keeps different strings different, those of broken surrogates too', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (key) => {
        expect(Buffer.compare(utf8(key), Buffer.from(key, 'utf8'))).toBe(0)
      }),
    )
    expect(utf8('\ud800')).not.toEqual(utf8('\udc00'))
    expect(keyPosition('\ud800')).not.toBe(keyPosition('\ud801'))
  })

  test('has the partition as its high bits', () => {
    fc.assert(
      fc.property(fc.string(), (key) => {
        expect(partitionOf(key)).toBe(Math.floor((keyPosition(key) / 2 ** 32) * partitions))
      }),
    )
  })

  test('spreads like keys evenly over the circle', () => {
    for (const name of [(index: number) => `${index}`, (index: number) => `user:${index}:profile`]) {
      const buckets = new Uint32Array(1024)
      for (let index = 0; index < 1024 * 200; index++) {
        const bucket = keyPosition(name(index)) >>> 22
        buckets[bucket] = (buckets[bucket] as number) + 1
      }
      // Chi-square with 1,023 degrees of freedom: mean 1,023, deviation 45.
      let chi = 0
      for (const count of buckets) chi += (count - 200) ** 2 / 200
      expect(chi).toBeLessThan(1023 + 5 * 45)
      expect(chi).toBeGreaterThan(1023 - 5 * 45)
    }
  })
})
