import { encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BadFrame } from '../errors/index.js'
import { decodeMessage, encodeMessage, limits, type Message } from './index.js'

const data: Message = {
  type: 'session.data',
  first: 7,
  acknowledged: 3,
  messages: [Uint8Array.of(1), new Uint8Array(0)],
}

describe('a message on the wire', () => {
  it('is an array of its code and its fields, without names', () => {
    expect(encodeMessage({ type: 'session.acknowledge', acknowledged: 5 })).toEqual(Uint8Array.of(0x92, 2, 5))
  })

  it('comes back as it was', () => {
    expect(decodeMessage(encodeMessage(data))).toEqual(data)
    const offer: Message = {
      type: 'signal.welcome',
      peers: [{ id: 'a', kind: 'tab', weight: 1, host: 'h' }],
      iceServers: [{ urls: ['stun:x'] }, { urls: 'turn:y', username: 'u', credential: 'c' }],
    }
    expect(decodeMessage(encodeMessage(offer))).toEqual(offer)
  })

  it.each([
    ['nothing', []],
    ['no array', encode({ type: 'session.data' })],
    ['an empty array', encode([])],
    ['a code that is none', encode([127])],
    ['a code that is no number', encode(['session.data', 0, 0, []])],
    ['a field too few', encode([2])],
    ['a field too many', encode([2, 1, 1])],
    ['a field of another type', encode([2, '1'])],
    ['a negative number', encode([2, -1])],
    ['a fraction', encode([2, 0.5])],
    ['a number beyond 2^53', encode([2, 2 ** 60])],
    ['an array of the wrong things', encode([0, 0, 0, ['text']])],
    ['a lane that is none', encode([1, 0, 0, 4, 10, 0, new Uint8Array(1)])],
    ['a total over the limit', encode([1, 0, 0, 3, limits.messageBytes + 1, 0, new Uint8Array(1)])],
    ['a key too many', encode([119, { id: 'a', kind: 'tab', weight: 1, host: 'h', extra: 1 }])],
    ['a __proto__ key', [0x92, 119, 0x81, 0xa9, ...new TextEncoder().encode('__proto__'), 1]],
    ['bytes left over', [...encodeMessage(data), 0]],
    ['a length that lies', [0x94, 0, 0, 0, 0xdd, 0xff, 0xff, 0xff, 0xff]],
    ['nesting without end', new Array(1000).fill(0x91)],
    ['reserved bytes', [0xc1]],
  ])('is refused: %s', (_name, bytes) => {
    expect(() => decodeMessage(Uint8Array.from(bytes))).toThrow(BadFrame)
  })

  it('is refused over the limit before anything is parsed', () => {
    expect(() => decodeMessage(new Uint8Array(limits.messageBytes + 1))).toThrow(/over the limit/)
  })

  it('is refused wherever it is cut', () => {
    const bytes = encodeMessage(data)
    for (let length = 0; length < bytes.length; length++)
      expect(() => decodeMessage(bytes.subarray(0, length))).toThrow(BadFrame)
  })

  it('names the field that is wrong', () => {
    expect(() => decodeMessage(encode([0, 0, 'x', []]))).toThrow(/session\.data: acknowledged/)
  })

  it('is a message or BadFrame, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          expect(typeof decodeMessage(bytes).type).toBe('string')
        } catch (error) {
          expect(error).toBeInstanceOf(BadFrame)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
