/**
 * Codec libraries side by side, on the shapes that ringmesh sends. Only those count that run under
 * a strict content security policy, without `new Function`: msgpackr and cbor-x use it to be fast.
 */
import { Decoder, Encoder } from '@msgpack/msgpack'
import * as cborg from 'cborg'
import notepack from 'notepack.io'
import { decodeMessage, encodeMessage, packValue, unpackValue } from '../src/wire/index.js'
import type { Bench, Figure } from './table.js'

interface Codec {
  encode(value: unknown): Uint8Array
  decode(bytes: Uint8Array): unknown
}

const encoder = new Encoder()
const decoder = new Decoder()

/** The libraries, and what ringmesh makes of the one it keeps: with its checks and its own types. */
export const codecs: Readonly<Record<string, Codec>> = {
  '@msgpack/msgpack': { encode: (value) => encoder.encode(value), decode: (bytes) => decoder.decode(bytes) },
  cborg: { encode: (value) => cborg.encode(value), decode: (bytes) => cborg.decode(bytes) },
  'notepack.io': {
    encode: (value) => notepack.encode(value),
    decode: (bytes) => notepack.decode(bytes as Buffer),
  },
  'ringmesh value': { encode: packValue, decode: unpackValue },
}

const body = new Uint8Array(50).fill(7)

/** What is encoded: name and value. */
export const shapes: Readonly<Record<string, unknown>> = {
  'small message': [11, body],
  'frame of 200 small messages': [0, 123_456, 123_400, Array.from({ length: 200 }, () => body)],
  'piece of 16 KiB': [1, 123_456, 123_400, 3, 1_000_000, 16_384, new Uint8Array(16_384)],
  document: {
    title: 'A document of the kind that pages share',
    tags: ['one', 'two', 'three'],
    authors: [
      { name: 'Ada', born: 1815, weight: 0.5 },
      { name: 'Joe', born: 1950, weight: 1.5 },
    ],
    counts: Array.from({ length: 50 }, (_, index) => index * 37),
    nested: { a: { b: { c: [true, false, null] } } },
  },
}

/** Runs `work` for about `milliseconds` and gives its rate in thousands a second. */
function rate(work: () => void, milliseconds: number): number {
  let runs = 0
  const start = performance.now()
  let now = start
  while (now < start + milliseconds) {
    for (let index = 0; index < 100; index++) work()
    runs += 100
    now = performance.now()
  }
  return runs / (now - start)
}

export interface CodecResult {
  readonly shape: string
  readonly codec: string
  readonly bytes: number
  /** Thousands a second; the median of three runs. */
  readonly encode: number
  readonly decode: number
}

/** Measures every codec on every shape. */
export function measureCodecs(milliseconds = 200): CodecResult[] {
  const results: CodecResult[] = []
  const median = (work: () => void): number => {
    rate(work, milliseconds / 4)
    const rates = [rate(work, milliseconds), rate(work, milliseconds), rate(work, milliseconds)]
    return rates.sort((a, b) => a - b)[1] ?? 0
  }
  for (const [shape, value] of Object.entries(shapes)) {
    for (const [codec, { encode, decode }] of Object.entries(codecs)) {
      const bytes = encode(value)
      results.push({
        shape,
        codec,
        bytes: bytes.length,
        encode: median(() => encode(value)),
        decode: median(() => decode(bytes)),
      })
    }
  }
  const messages = [
    ['small message', { type: 'mesh.user', body }],
    [
      'frame of 200 small messages',
      {
        type: 'session.data',
        first: 123_456,
        acknowledged: 123_400,
        messages: Array.from({ length: 200 }, () => body),
      },
    ],
  ] as const
  for (const [shape, message] of messages) {
    const bytes = encodeMessage(message as Parameters<typeof encodeMessage>[0])
    results.push({
      shape,
      codec: 'ringmesh message',
      bytes: bytes.length,
      encode: median(() => encodeMessage(message as Parameters<typeof encodeMessage>[0])),
      decode: median(() => decodeMessage(bytes)),
    })
  }
  return results.sort((a, b) => a.shape.localeCompare(b.shape))
}

/** Codec libraries side by side; those that need `new Function` are left out. */
export const bench: Bench = {
  about: 'codec libraries that run under a strict content security policy, on the shapes that ringmesh sends',
  run: (progress) => {
    progress('codecs')
    const results = measureCodecs()
    return Object.keys(shapes).map((shape) => {
      const those = results.filter((result) => result.shape === shape)
      const kept = those.find(({ codec }) => codec === '@msgpack/msgpack')
      return {
        title: shape,
        peer: '@msgpack/msgpack, which is kept',
        figures: those.flatMap(({ codec, bytes, encode, decode }): Figure[] => [
          { name: `${codec}: encode`, value: encode, unit: 'k/s', ...(kept && { peer: kept.encode }) },
          { name: `${codec}: decode`, value: decode, unit: 'k/s', ...(kept && { peer: kept.decode }) },
          { name: `${codec}: size`, value: bytes, unit: 'B' },
        ]),
        notes: ['ringmesh value and ringmesh message: with the checks of what comes from strangers.'],
      }
    })
  },
}
