import type { Plugin } from 'vite'
import { leaveOutMembers } from './leave-out-members.js'

/** Streams of values, several values in one buffer, and buffers that are lent: the wire has one frame, one message. */
const unused = {
  Decoder: [
    'appendBuffer',
    'decodeArrayStream',
    'decodeAsync',
    'decodeMulti',
    'decodeMultiAsync',
    'decodeStream',
  ],
  Encoder: ['encodeSharedRef'],
} as const

/** Bundles of `@msgpack/msgpack` only what the codec uses (src/wire/codec.ts, pack-value.ts, unpack-value.ts). */
export function lightMessagePack(): Plugin {
  return {
    name: 'ringmesh-light-messagepack',
    enforce: 'pre',
    transform: {
      filter: { id: /\/@msgpack\/msgpack\/dist\.esm\/(Decoder|Encoder)\.mjs$/ },
      handler(source, id) {
        const name = id.endsWith('/Encoder.mjs') ? 'Encoder' : 'Decoder'
        return { code: leaveOutMembers(source, unused[name]), map: null }
      },
    },
  }
}
