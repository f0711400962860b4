import { BadFrame } from '../errors/index.js'
import { limits } from './limits.js'

/**
 * Walks over MessagePack without building anything, and refuses what would cost more to build than
 * it cost to send: a length that the bytes do not hold (a five-byte header can ask a decoder for a
 * million elements), nesting deeper than `limits.valueDepth`, more than `limits.valueElements`
 * elements, or bytes left over. Format: https://github.com/msgpack/msgpack/blob/master/spec.md
 *
 * @param transparent - whether the payload of an extension of this type is itself one value
 * @throws {BadFrame}
 */
export function checkStructure(
  bytes: Uint8Array,
  transparent: (extensionType: number) => boolean = () => false,
): void {
  const end = bytes.length
  /** How many values are still to come at each level; level 0 is the one value that the bytes are. */
  const open = [1]
  let elements = 0
  let position = 0

  /** A big-endian length of `width` bytes. */
  const length = (width: number): number => {
    if (position + width > end) throw new BadFrame('truncated')
    let value = 0
    for (let index = 0; index < width; index++) value = value * 256 + (bytes[position++] as number)
    return value
  }
  const skip = (count: number): void => {
    if (position + count > end) throw new BadFrame('truncated')
    position += count
  }
  const enter = (count: number): void => {
    elements += count
    if (elements > limits.valueElements) throw new BadFrame('too many elements')
    // Every element takes at least a byte.
    if (count > end - position) throw new BadFrame('truncated')
    if (open.length > limits.valueDepth) throw new BadFrame('nested too deeply')
    open.push(count)
  }
  const extension = (size: number): void => {
    const type = length(1)
    if (transparent(type)) enter(1)
    else skip(size)
  }

  while (open.length > 0) {
    const top = open.length - 1
    const left = open[top] as number
    if (left === 0) {
      open.pop()
      continue
    }
    open[top] = left - 1
    const head = length(1)
    if (head < 0x80 || head >= 0xe0) continue
    if (head < 0x90) enter((head & 0x0f) * 2)
    else if (head < 0xa0) enter(head & 0x0f)
    else if (head < 0xc0) skip(head & 0x1f)
    else if (head === 0xc1) throw new BadFrame('not MessagePack')
    else if (head <= 0xc3) continue
    else if (head <= 0xc6) skip(length(1 << (head - 0xc4)))
    else if (head <= 0xc9) extension(length(1 << (head - 0xc7)))
    else if (head <= 0xcb) skip(4 << (head - 0xca))
    else if (head <= 0xcf) skip(1 << (head - 0xcc))
    else if (head <= 0xd3) skip(1 << (head - 0xd0))
    else if (head <= 0xd8) extension(1 << (head - 0xd4))
    else if (head <= 0xdb) skip(length(1 << (head - 0xd9)))
    else if (head <= 0xdd) enter(length(2 << (head - 0xdc)))
    else enter(length(2 << (head - 0xde)) * 2)
  }
  if (position !== end) throw new BadFrame(`${end - position} bytes too many`)
}
