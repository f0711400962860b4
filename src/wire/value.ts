import { decode, encode } from '@msgpack/msgpack'
import { BadFrame } from '../errors/index.js'

/**
 * Packs a value of the user's for the wire or the disk.
 *
 * @throws {RingmeshError} `TooLarge` never; `InvalidOption` where the value cannot be packed
 */
export function packValue(value: unknown): Uint8Array {
  return encode(value)
}

/** The inverse of {@link packValue}. @throws {BadFrame} where the bytes are no packed value */
export function unpackValue(bytes: Uint8Array): unknown {
  try {
    return decode(bytes)
  } catch (cause) {
    throw new BadFrame('not a packed value', { cause })
  }
}
