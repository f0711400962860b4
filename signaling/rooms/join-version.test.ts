import { encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { versionOfJoin } from './join-version.js'

describe('the version of a join', () => {
  it('is read, however long the join and whatever else stands in it', () => {
    fc.assert(
      fc.property(fc.nat(0xffff_ffff), fc.array(fc.anything(), { maxLength: 20 }), (version, rest) => {
        let frame: Uint8Array
        try {
          frame = encode([112, version, ...rest])
        } catch {
          return
        }
        expect(versionOfJoin(frame)).toBe(version)
      }),
    )
    expect(versionOfJoin(encode([112, 9, ...Array<number>(70_000).fill(1)]))).toBe(9)
  })

  it('is none where there is no join, or no version in it', () => {
    for (const frame of [
      new Uint8Array(),
      encode([]),
      encode([112]),
      encode([113, 9]),
      encode([112, 'nine']),
      encode([112, -1]),
      encode([112, 1.5]),
      encode({ 112: 9 }),
      encode([112, 70_000]).subarray(0, 5),
      Uint8Array.of(0x92, 112, 0xcd, 1),
      Uint8Array.of(0xdd),
    ]) {
      expect(versionOfJoin(frame)).toBeUndefined()
    }
  })

  it('is looked for in any bytes without harm', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (frame) => {
        versionOfJoin(frame)
      }),
    )
  })
})
