import fc from 'fast-check'
import { expect, it } from 'vitest'
import { FrameHeads } from './frame-heads.js'

/** A client's frame with a payload of so many zeros. */
function frame(length: number, opcode: number): Buffer {
  const short = length <= 125 ? length : length <= 0xffff ? 126 : 127
  const head = Buffer.alloc(2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + 4)
  head[0] = 0x80 | opcode
  head[1] = 0x80 | short
  if (short === 126) head.writeUInt16BE(length, 2)
  if (short === 127) head.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([head, Buffer.alloc(length, 0xff)])
}

const length = fc.oneof(fc.nat(3), fc.constantFrom(125, 126, 300, 0xffff, 0x10000))
const frames = fc.array(fc.tuple(length, fc.constantFrom(0, 1, 2, 9)), { minLength: 1, maxLength: 20 })

it('counts every frame once, however the stream is cut, and never reads further than it may', () => {
  fc.assert(
    fc.property(frames, fc.array(fc.nat(400), { maxLength: 40 }), fc.nat(4), (all, cuts, most) => {
      const stream = Buffer.concat(all.map(([length, opcode]) => frame(length, opcode)))
      const heads = new FrameHeads()
      let counted = 0
      let at = 0
      let turns = 0
      for (const size of [...cuts, stream.byteLength]) {
        let chunk = stream.subarray(at, at + size)
        at += chunk.byteLength
        while (chunk.byteLength > 0 && turns < 1_000) {
          // A turn in which there is nothing left to be read comes now and then.
          const granted = turns++ % 3 === 0 ? 0 : 1 + most
          const { end, frames } = heads.read(chunk, granted)
          expect(frames).toBeLessThanOrEqual(granted)
          counted += frames
          chunk = chunk.subarray(end)
        }
      }
      expect(counted).toBe(all.length)
    }),
  )
})
