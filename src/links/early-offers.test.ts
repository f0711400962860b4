import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { limits } from '../wire/index.js'
import { EarlyOffers } from './early-offers.js'

const mebibyte = 1024 * 1024

/** Offers of as many strangers as there are, of so many bytes each, and what is kept of them. */
function kept(strangers: number, payloads: number, bytes: number) {
  const time = new VirtualTime(1)
  const early = new EarlyOffers(time.runtime())
  for (let stranger = 0; stranger < strangers; stranger++) {
    for (let payload = 0; payload < payloads; payload++)
      early.keep(`stranger-${stranger}`, new Uint8Array(bytes))
  }
  const taken = Array.from({ length: strangers }, (_, stranger) => early.take(`stranger-${stranger}`))
  return { time, early, taken }
}

describe('offers of peers that nobody has announced yet', () => {
  it('are kept for a busy room, an offer with all its candidates of each', () => {
    const { taken } = kept(64, 8, 1_500)
    expect(taken.map((payloads) => payloads.length)).toEqual(Array.from({ length: 64 }, () => 8))
  })

  it('take no more than a mebibyte, whatever a server sends', () => {
    for (const [strangers, payloads, bytes] of [
      [10_000, 100, 1],
      [500, 100, 2_000],
      [100, 40, limits.frameBytes],
    ] as const) {
      const { taken } = kept(strangers, payloads, bytes)
      const held = taken.flat()
      expect(held.reduce((sum, { length }) => sum + length, 0)).toBeLessThanOrEqual(mebibyte)
      expect(held.length).toBeLessThanOrEqual(64 * 32)
    }
  })

  it('of one stranger leave room for the others', () => {
    const { early } = kept(0, 0, 0)
    for (let payload = 0; payload < 100; payload++) early.keep('greedy', new Uint8Array(10_000))
    early.keep('modest', new Uint8Array(4_000))
    expect(early.take('modest')).toHaveLength(1)
    expect(early.take('greedy').length).toBeLessThan(10)
  })

  it('give back the room that they took, when they are taken or too old', () => {
    const { time, early } = kept(0, 0, 0)
    for (let round = 0; round < 10; round++) {
      for (let stranger = 0; stranger < 40; stranger++)
        early.keep(`${round}-${stranger}`, new Uint8Array(20_000))
      expect(early.take(`${round}-0`)).toHaveLength(1)
      time.advance(16_000)
    }
  })

  it('hold no more memory than their own, though they came in a longer frame', () => {
    const { early } = kept(0, 0, 0)
    early.keep('stranger', new Uint8Array(mebibyte).subarray(10, 20))
    expect(early.take('stranger')[0]?.buffer.byteLength).toBe(10)
  })
})
