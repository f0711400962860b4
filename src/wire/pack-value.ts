import { Encoder, ExtData } from '@msgpack/msgpack'
import { InvalidOption } from '../errors/index.js'
import { limits } from './limits.js'
import { bufferKinds, extensions } from './value-extensions.js'

const noBytes = new Uint8Array(0)
const encoder = new Encoder()

/**
 * Packs a value of the user's for the wire or the disk: anything that `structuredClone` takes
 * except functions, symbols and objects of the host. Instances of classes become plain objects, as
 * with `structuredClone`, and an object that is referred to twice becomes two. Keeps `Map`, `Set`,
 * `Date`, `BigInt`, `RegExp`, typed arrays, `ArrayBuffer`, `undefined`, `NaN`, `-0` and errors with
 * their name, message, stack and cause.
 *
 * @throws {InvalidOption} naming the place in the value: a function, a symbol, an object of the
 * host, a value that contains itself, a `__proto__` key, nesting beyond `limits.valueDepth`, or more
 * than `limits.valueElements` elements
 *
 * @example
 * ```ts
 * unpackValue(packValue(new Map([['ada', 1815n]])))   // Map { 'ada' → 1815n }
 * ```
 */
export function packValue(value: unknown): Uint8Array<ArrayBuffer> {
  return encoder.encode(new Packing().plain(value, 1))
}

/** Rewrites a value into what MessagePack has, with extensions for the rest; untouched parts are not copied. */
class Packing {
  readonly #path: (string | number)[] = []
  /** The objects that the one at hand lies in. */
  readonly #within = new Set<object>()
  #elements = 0

  plain(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case 'boolean':
        return value
      case 'number':
        return Object.is(value, -0) ? new ExtData(extensions.negativeZero, noBytes) : value
      case 'string':
        return isWellFormed(value) ? value : new ExtData(extensions.illFormedString, utf16(value))
      case 'undefined':
        return new ExtData(extensions.undefined, noBytes)
      case 'bigint':
        return new ExtData(extensions.bigint, encoder.encode(value.toString(16)))
      case 'object':
        return value === null ? null : this.#object(value, depth)
      default:
        return this.#refuse(value, `must be data, and a ${typeof value} is not`)
    }
  }

  #object(value: object, depth: number): unknown {
    if (depth > limits.valueDepth) this.#refuse(value, `must not nest deeper than ${limits.valueDepth}`)
    if (this.#within.has(value)) this.#refuse(value, 'must not contain itself')
    this.#within.add(value)
    const result = this.#contents(value, depth)
    this.#within.delete(value)
    return result
  }

  #contents(value: object, depth: number): unknown {
    if (Array.isArray(value)) return this.#array(value, depth)
    if (Object.getPrototypeOf(value) === Object.prototype && !(Symbol.toStringTag in value))
      return this.#record(value as Readonly<Record<string, unknown>>, depth)
    // Tags tell values apart that come from another realm, as from an iframe, where instanceof cannot.
    const tag = Object.prototype.toString.call(value).slice(8, -1)
    if (tag === 'Object') return this.#record(value as Readonly<Record<string, unknown>>, depth)
    if (value instanceof Error || tag === 'Error') return this.#error(value as Error, depth)
    switch (tag) {
      case 'Map':
        return this.#nested(extensions.map, [...(value as Map<unknown, unknown>)].flat(1), depth)
      case 'Set':
        return this.#nested(extensions.set, [...(value as Set<unknown>)], depth)
      case 'Date':
        // biome-ignore lint/style/noRestrictedGlobals: a date of the user's, not the time
        return new ExtData(extensions.date, bytesOf(Float64Array.of((value as Date).getTime())))
      case 'RegExp': {
        const { source, flags } = value as RegExp
        return new ExtData(extensions.regexp, encoder.encode([source, flags]))
      }
      case 'Boolean':
      case 'Number':
      case 'String':
        return this.#nested(extensions.boxed, [value.valueOf()], depth)
    }
    if (ArrayBuffer.isView(value) || tag === 'ArrayBuffer') {
      const name = ArrayBuffer.isView(value) && tag === 'Uint8Array' ? 'Uint8Array' : tag
      const kind = bufferKinds.findIndex((known) => known.name === name)
      if (kind !== -1) return new ExtData(extensions.buffer, withKind(kind, value as ArrayBuffer))
    }
    return this.#refuse(value, 'must be data, without objects of the host')
  }

  #array(values: readonly unknown[], depth: number): unknown {
    this.#count(values.length, values)
    let copy: unknown[] | undefined
    for (let index = 0; index < values.length; index++) {
      const item = values[index]
      this.#path.push(index)
      const plain = this.plain(item, depth + 1)
      this.#path.pop()
      if (plain !== item || copy !== undefined) {
        copy ??= values.slice(0, index)
        copy[index] = plain
      }
    }
    return copy ?? values
  }

  #record(record: Readonly<Record<string, unknown>>, depth: number): unknown {
    const copy: Record<string, unknown> = {}
    const keys = Object.keys(record)
    this.#count(2 * keys.length, record)
    for (const key of keys) {
      this.#path.push(key)
      if (key === '__proto__') this.#refuse(record[key], 'must not be a key')
      if (!isWellFormed(key)) this.#refuse(record[key], 'must have a key of well-formed Unicode')
      copy[key] = this.plain(record[key], depth + 1)
      this.#path.pop()
    }
    return copy
  }

  #error(error: Error, depth: number): unknown {
    const { name, message, stack } = error
    const parts: unknown[] = [String(name), String(message), stack === undefined ? null : String(stack)]
    if ('cause' in error) parts.push(error.cause)
    return this.#nested(extensions.error, parts, depth)
  }

  /** An extension whose payload is an array of values, each of which may be anything again. */
  #nested(type: number, values: readonly unknown[], depth: number): ExtData {
    // The extension and the array inside are two levels to whoever checks the bytes.
    if (depth + 1 > limits.valueDepth) this.#refuse(values, `must not nest deeper than ${limits.valueDepth}`)
    this.#count(1, values)
    return new ExtData(type, encoder.encode(this.#array(values, depth + 1)))
  }

  #count(elements: number, value: unknown): void {
    this.#elements += elements
    if (this.#elements > limits.valueElements)
      this.#refuse(value, `must have at most ${limits.valueElements} elements`)
  }

  #refuse(value: unknown, expected: string): never {
    const path = this.#path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')
    throw new InvalidOption(`value${path}`, value, expected)
  }
}

function bytesOf(value: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(value)
    ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
    : new Uint8Array(value)
}

function withKind(kind: number, value: ArrayBuffer | ArrayBufferView): Uint8Array {
  const source = bytesOf(value)
  const bytes = new Uint8Array(source.length + 1)
  bytes[0] = kind
  bytes.set(source, 1)
  return bytes
}

/** A lone half of a surrogate pair has no UTF-8. */
function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}

function utf16(text: string): Uint8Array {
  const units = new Uint16Array(text.length)
  for (let index = 0; index < text.length; index++) units[index] = text.charCodeAt(index)
  return bytesOf(units)
}
