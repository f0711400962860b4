import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeMessage, encodeMessage } from '../../src/wire/index.js'
import { carriedFrame, packedId, readCarried } from './carry.js'

const id = fc.stringMatching(/^[\w-]{1,64}$/)
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.constantFrom(0, 255, 256, 65_535, 65_536).map((size) => new Uint8Array(size).fill(3)),
)

it('does to an offer or relay frame exactly what the codec does', () => {
  fc.assert(
    fc.property(id, id, bytes, fc.boolean(), (from, to, body, isOffer) => {
      const frame = encodeMessage(
        isOffer ? { type: 'signal.offer', to, payload: body } : { type: 'signal.relay', to, frame: body },
      )
      const carried = readCarried(frame)
      expect(carried).toMatchObject({ to, size: body.byteLength })
      if (carried === undefined) return
      const expected = encodeMessage(
        isOffer
          ? { type: 'signal.offered', from, payload: body }
          : { type: 'signal.relayed', from, frame: body },
      )
      expect(Buffer.compare(carriedFrame(frame, carried, packedId(from)), expected)).toBe(0)
    }),
  )
})

it('takes nothing that the codec refuses', () => {
  const valid = encodeMessage({ type: 'signal.relay', to: 'somebody', frame: new Uint8Array(40) })
  const changed = fc
    .tuple(fc.nat(valid.length - 1), fc.nat(255), fc.nat(valid.length))
    .map(([at, value, length]) => {
      const frame = Uint8Array.from(valid)
      frame[at] = value
      return frame.subarray(0, length === 0 ? valid.length : length)
    })
  fc.assert(
    fc.property(fc.oneof(changed, fc.uint8Array({ maxLength: 80 })), (frame) => {
      const carried = readCarried(frame)
      if (carried === undefined || !/^[\w-]{1,64}$/.test(carried.to)) return
      const message = decodeMessage(frame)
      expect(message).toMatchObject({ to: carried.to })
    }),
    { numRuns: 2_000 },
  )
})
