import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeMessage,
  encodeForSending,
  encodeMessage,
  limits,
  type Message,
  type Part,
  type Priority,
  partFrameLength,
  readPartFrame,
  writePartFrame,
} from './index.js'

/** Numbers of every length that they have on the wire. */
const natural = fc.oneof(
  fc.nat({ max: 300 }),
  fc.nat({ max: 70_000 }),
  fc.maxSafeNat(),
  fc.constantFrom(127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32),
)
const body = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc
    .constantFrom(255, 256, 1_023, 1_024, 20_000, 65_535, 65_536)
    .map((length) => new Uint8Array(length).fill(7)),
)
const message = body.map((bytes): Message => ({ type: 'mesh.user', body: bytes }))

function written(frame: Parameters<typeof writePartFrame>[0]): Uint8Array {
  const bytes = new Uint8Array(partFrameLength(frame))
  writePartFrame(frame, bytes)
  return bytes
}

function wholePart(message: Message): Part {
  const encoded = encodeForSending(message)
  return { message: encoded, start: 0, end: encoded.length, lane: undefined }
}

describe('a message encoded for sending', () => {
  it('has the bytes of the message encoded at once, also where its body was not copied', () => {
    fc.assert(
      fc.property(message, (one) => {
        expect(Buffer.compare(encodeForSending(one).whole(), encodeMessage(one))).toBe(0)
      }),
    )
    const reply: Message = { type: 'mesh.reply', id: 2 ** 40, view: 'abc', body: new Uint8Array(5_000) }
    expect(encodeForSending(reply).whole()).toEqual(encodeMessage(reply))
  })

  it('gives any stretch of its bytes', () => {
    const one: Message = { type: 'mesh.user', body: Uint8Array.from({ length: 2_000 }, (_, index) => index) }
    const encoded = encodeForSending(one)
    const expected = encodeMessage(one)
    fc.assert(
      fc.property(fc.nat({ max: expected.length }), fc.nat({ max: expected.length }), (one, other) => {
        const [start, end] = [Math.min(one, other), Math.max(one, other)]
        const target = new Uint8Array(end - start + 2)
        encoded.copyTo(target, 1, start, end)
        expect(target.subarray(1, -1)).toEqual(expected.subarray(start, end))
        expect([target[0], target.at(-1)]).toEqual([0, 0])
      }),
    )
  })
})

describe('a frame of parts, written straight from them', () => {
  it('is the one that the codec makes of whole messages', () => {
    const many = fc.oneof(
      fc.array(message, { minLength: 1, maxLength: 4 }),
      message.map((one) => Array(20).fill(one)),
    )
    fc.assert(
      fc.property(natural, natural, many, (first, acknowledged, messages: Message[]) => {
        const parts = messages.map(wholePart)
        const expected = encodeMessage({
          type: 'session.data',
          first,
          acknowledged,
          messages: messages.map(encodeMessage),
        })
        expect(Buffer.compare(written({ first, acknowledged, parts }), expected)).toBe(0)
      }),
      { numRuns: 200 },
    )
  })

  it('is the one that the codec makes of a piece', () => {
    const lanes = fc.constantFrom<Priority>(0, 1, 2, 3)
    fc.assert(
      fc.property(natural, natural, lanes, fc.nat(), fc.nat(), (number, acknowledged, lane, from, size) => {
        const one: Message = { type: 'mesh.user', body: new Uint8Array(90_000).fill(3) }
        const encoded = encodeForSending(one)
        const start = from % encoded.length
        const end = start + 1 + (size % Math.min(20_000, encoded.length - start))
        const frame = { first: number, acknowledged, parts: [{ message: encoded, start, end, lane }] }
        const expected = encodeMessage({
          type: 'session.piece',
          number,
          acknowledged,
          lane,
          total: encoded.length,
          offset: start,
          piece: encodeMessage(one).subarray(start, end),
        })
        expect(Buffer.compare(written(frame), expected)).toBe(0)
      }),
      { numRuns: 200 },
    )
  })
})

describe('a frame of parts, read without the codec', () => {
  const bytes = fc.uint8Array({ maxLength: 300 })
  const data = fc.record({
    type: fc.constant('session.data' as const),
    first: natural,
    acknowledged: natural,
    messages: fc.array(bytes, { maxLength: 20 }),
  })
  const piece = fc.record({
    type: fc.constant('session.piece' as const),
    number: natural,
    acknowledged: natural,
    lane: fc.constantFrom<Priority>(0, 1, 2, 3),
    total: fc.nat({ max: limits.messageBytes }),
    offset: natural,
    piece: bytes,
  })
  const decoded = (frame: Uint8Array): Message | undefined => {
    try {
      return decodeMessage(frame)
    } catch {
      return undefined
    }
  }

  it('is what the codec makes of it', () => {
    const one: Message = {
      type: 'session.data',
      first: 1,
      acknowledged: 2,
      messages: [new Uint8Array(60_000)],
    }
    const many: Message = { ...one, messages: Array<Uint8Array>(20_000).fill(Uint8Array.of(1)) }
    for (const message of [one, many]) expect(readPartFrame(encodeMessage(message))).toEqual(message)
    fc.assert(
      fc.property(fc.oneof(data, piece), (message) => {
        expect(readPartFrame(encodeMessage(message))).toEqual(message)
      }),
    )
  })

  it('is left to the codec where it is of another kind, or over a limit', () => {
    const numbers = { first: 1, acknowledged: 1 }
    const left: Message[] = [
      { type: 'session.acknowledge', acknowledged: 1 },
      { type: 'session.loose', messages: [Uint8Array.of(1)] },
      { type: 'session.data', ...numbers, messages: [new Uint8Array(limits.frameBytes)] },
      // More than could be in a frame, did each hold what it has to.
      { type: 'session.data', ...numbers, messages: Array<Uint8Array>(30_000).fill(new Uint8Array(0)) },
    ]
    for (const message of left) expect(readPartFrame(encodeMessage(message))).toBeUndefined()
    expect(readPartFrame(new Uint8Array(0))).toBeUndefined()
  })

  it('is never taken where the codec refuses it, nor with another result, whatever was changed in it', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 3 })
    let taken = 0
    fc.assert(
      fc.property(
        fc.oneof(data, piece),
        changes,
        fc.integer({ min: -4, max: 4 }),
        (message, spots, longer) => {
          const whole = encodeMessage(message)
          const frame = new Uint8Array(Math.max(0, whole.length + longer))
          frame.set(whole.subarray(0, frame.length))
          // Heads stand mostly in front.
          for (const [at, value] of spots) frame[at % Math.min(frame.length, 40)] = value
          const read = readPartFrame(frame)
          if (read === undefined) return
          taken++
          expect(read).toEqual(decoded(frame))
        },
      ),
      { numRuns: 4_000 },
    )
    expect(taken).toBeGreaterThan(100)
  })
})
