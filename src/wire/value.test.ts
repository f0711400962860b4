import { encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BadFrame, InvalidOption } from '../errors/index.js'
import { limits, packValue, unpackValue } from './index.js'

const there = (value: unknown): unknown => unpackValue(packValue(value))

function nested(depth: number, wrap: (inner: unknown) => unknown): unknown {
  let value: unknown = 1
  for (let level = 0; level < depth; level++) value = wrap(value)
  return value
}

describe('a packed value', () => {
  const kept = [
    undefined,
    null,
    true,
    0,
    -0,
    Number.NaN,
    Number.NEGATIVE_INFINITY,
    Number.MAX_SAFE_INTEGER,
    -1.5,
    5e-324,
    '',
    'ünïcødé 🎉',
    'lone \ud800 half',
    0n,
    -(2n ** 200n),
    new Date(0),
    new Date(Number.NaN),
    /a+\/b/giu,
    [],
    [undefined, null],
    {},
    { a: undefined, b: { c: [1n, new Set([{ d: -0 }])] } },
    new Map<unknown, unknown>([
      [{ key: 1 }, new Map()],
      [Number.NaN, undefined],
    ]),
    new Set([1, '1', 1n, new Set()]),
    new ArrayBuffer(3),
    Uint8Array.of(1, 2, 255),
    Int8Array.of(-1),
    Uint8ClampedArray.of(9),
    Uint16Array.of(65_535),
    Int16Array.of(-2),
    Uint32Array.of(2 ** 32 - 1),
    Int32Array.of(-3),
    Float32Array.of(0.5),
    Float64Array.of(-0, Number.NaN),
    BigUint64Array.of(2n ** 64n - 1n),
    BigInt64Array.of(-1n),
    new DataView(Uint8Array.of(1, 2).buffer),
    Object(1),
    Object('text'),
    Object(false),
  ]
  it.each(kept.map((value) => [value]))('keeps %o', (value) => {
    const came = there(value)
    expect(came).toStrictEqual(structuredClone(value))
    expect(Object.prototype.toString.call(came)).toBe(Object.prototype.toString.call(value))
    expect(Object.is(came, -0)).toBe(Object.is(value, -0))
  })

  it('keeps errors: class, name, message, stack and cause', () => {
    class AdaError extends Error {
      override name = 'AdaError'
    }
    const error = new RangeError('too far', { cause: new AdaError('why', { cause: 1815n }) })
    const came = there(error) as RangeError
    expect(came).toBeInstanceOf(RangeError)
    expect(came).toMatchObject({ name: 'RangeError', message: 'too far', stack: error.stack })
    const cause = came.cause as Error
    expect(cause).toBeInstanceOf(Error)
    expect(cause).toMatchObject({ name: 'AdaError', message: 'why', cause: 1815n })
    expect(Object.keys(came)).toEqual([])
    expect('cause' in (there(new Error('no cause')) as Error)).toBe(false)
  })

  it('keeps what values structuredClone keeps', () => {
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withTypedArray: true,
          withSparseArray: true,
          withBoxedValues: true,
          withUnicodeString: true,
        }),
        (value) => {
          if (hasProtoKey(value)) return
          // A hole becomes undefined, which toEqual takes for the same.
          expect(there(value)).toEqual(structuredClone(value))
        },
      ),
      { numRuns: 500 },
    )
  })

  it('makes undefined of holes', () => {
    expect(there(new Array(2))).toStrictEqual([undefined, undefined])
  })

  it('makes plain objects of instances, as structuredClone does', () => {
    class Point {
      x = 1
      get twice(): number {
        return 2 * this.x
      }
    }
    expect(there(new Point())).toStrictEqual({ x: 1 })
  })

  it('holds its own bytes and no others when it came in a Node Buffer, which is a part of a pool', () => {
    const pooled = Buffer.from(packValue({ bytes: new Uint8Array([1, 2, 3]) }))
    expect(pooled.buffer.byteLength).toBeGreaterThan(pooled.byteLength)
    expect(unpackValue(pooled)).toEqual({ bytes: new Uint8Array([1, 2, 3]) })
  })

  it('shares no memory with the bytes it came in', () => {
    const bytes = packValue(Uint8Array.of(1, 2, 3))
    const came = unpackValue(bytes) as Uint8Array
    bytes.fill(0)
    expect(came).toEqual(Uint8Array.of(1, 2, 3))
    expect(came.buffer.byteLength).toBe(3)
  })

  it.each([
    ['a function', { on: () => {} }, 'value.on'],
    ['a symbol', [Symbol('s')], 'value[0]'],
    ['a promise', { a: [Promise.resolve()] }, 'value.a[0]'],
    ['a WeakMap', new WeakMap(), 'value'],
    ['shared memory', new SharedArrayBuffer(1), 'value'],
    ['a __proto__ key', JSON.parse('{"a":{"__proto__":1}}'), 'value.a.__proto__'],
  ])('refuses %s and says where', (_name, value, path) => {
    expect(() => packValue(value)).toThrow(InvalidOption)
    expect(() => packValue(value)).toThrow(new RegExp(`^${path.replace(/[.[\]]/g, '\\$&')}: `))
  })

  it('refuses a value that contains itself', () => {
    const loop: Record<string, unknown> = { a: {} }
    ;(loop.a as Record<string, unknown>).b = loop
    expect(() => packValue(loop)).toThrow('value.a.b: must not contain itself')
    const map = new Map()
    map.set('me', map)
    expect(() => packValue(map)).toThrow(InvalidOption)
    // The same object twice is no loop; it becomes two.
    const twice = { n: 1 }
    expect(there([twice, twice])).toEqual([{ n: 1 }, { n: 1 }])
  })

  it('can be unpacked whenever it could be packed, up to the limit of depth', () => {
    const wraps: ((inner: unknown) => unknown)[] = [
      (inner) => [inner],
      (inner) => ({ inner }),
      (inner) => new Map([[1, inner]]),
      (inner) => new Set([inner]),
      (inner) => new Error('', { cause: inner }),
    ]
    for (const wrap of wraps) {
      let deepest = 0
      for (let depth = 1; depth < 2 * limits.valueDepth; depth++) {
        let bytes: Uint8Array
        try {
          bytes = packValue(nested(depth, wrap))
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidOption)
          break
        }
        unpackValue(bytes)
        deepest = depth
      }
      expect(deepest).toBeGreaterThanOrEqual(limits.valueDepth / 2 - 1)
      expect(deepest).toBeLessThanOrEqual(limits.valueDepth)
    }
  })

  it('refuses shared parts that would grow without end', () => {
    const bomb = nested(40, (inner) => [inner, inner])
    expect(() => packValue(bomb)).toThrow(/elements/)
  })
})

describe('bytes of a stranger', () => {
  it.each([
    ['nothing', []],
    ['nothing after a value', [1, 1]],
    ['a reserved byte', [0xc1]],
    ['a million elements in five bytes', [0xdd, 0x00, 0x0f, 0x42, 0x40]],
    ['four billion keys', [0xdf, 0xff, 0xff, 0xff, 0xff]],
    ['a string cut short', [0xd9, 10, 0x61]],
    ['an extension cut short', [0xc7, 4, 1]],
    ['an extension that nobody knows', [0xd4, 99, 0]],
    ['a map of odd length', [0xc7, 2, 6, 0x91, 1]],
    ['a typed array of no kind', [0xc7, 1, 9, 200]],
    ['half a Uint16', [0xc7, 2, 9, 4, 1]],
    ['a bigint that is none', [0xc7, 2, 3, 0xa1, 0x78]],
    ['a regular expression that is none', [0xc7, 4, 5, 0x92, 0xa1, 0x28, 0xa0]],
    ['a __proto__ key', [0x81, 0xa9, ...new TextEncoder().encode('__proto__'), 1]],
    ['an error without a name', [0xc7, 1, 8, 0x90]],
  ])('are refused: %s', (_name, bytes) => {
    expect(() => unpackValue(Uint8Array.from(bytes))).toThrow(BadFrame)
  })

  it('are refused when they nest too deeply, in arrays or in extensions', () => {
    expect(() => unpackValue(new Uint8Array(100_000).fill(0x91))).toThrow('nested too deeply')
    let bytes = Uint8Array.of(0x90)
    for (let level = 0; level < 100; level++) bytes = Uint8Array.of(0xc8, 0, 0, 7, 0x91, ...bytes)
    for (let at = 0, left = bytes.length; left > 6; at += 5, left -= 5) {
      bytes[at + 1] = (left - 4) >> 8
      bytes[at + 2] = (left - 4) & 0xff
    }
    expect(() => unpackValue(bytes)).toThrow('nested too deeply')
  })

  it('never give anything but a value or BadFrame', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          unpackValue(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(BadFrame)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  it('never change the prototype of anything', () => {
    unpackValue(encode({ constructor: { prototype: { polluted: 1 } }, toString: 1 }))
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })
})

function hasProtoKey(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (Object.hasOwn(value, '__proto__') || Object.getPrototypeOf(value) === null) return true
  const inside =
    value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : Object.values(value)
  return inside.some(hasProtoKey)
}
