import { Decoder } from '@msgpack/msgpack'
import { BadFrame } from '../errors/index.js'
import { checkStructure } from './structure.js'
import { bufferKinds, extensions } from './value-extensions.js'

/** The errors that every engine has; one of another name comes back as an `Error` of that name. */
const errorKinds: Readonly<Record<string, ErrorConstructor>> = {
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
}

/**
 * The inverse of `packValue`. What it gives shares no memory with `bytes`.
 *
 * @throws {BadFrame} where the bytes are no packed value, or would build more than the limits allow
 */
export function unpackValue(bytes: Uint8Array): unknown {
  checkStructure(bytes, isContainer)
  return unpack(bytes)
}

function unpack(bytes: Uint8Array): unknown {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    if (cause instanceof BadFrame) throw cause
    throw new BadFrame('not a packed value', { cause })
  }
}

const containers: readonly number[] = [
  extensions.map,
  extensions.set,
  extensions.error,
  extensions.boxed,
  extensions.regexp,
  extensions.bigint,
]
const isContainer = (type: number): boolean => containers.includes(type)

const unpackers = new Map<number, (data: Uint8Array) => unknown>()
function unpacksAs(type: number, unpacker: (data: Uint8Array) => unknown): void {
  unpackers.set(type, unpacker)
}
const extensionCodec = {
  tryToEncode: () => null,
  decode(data: Uint8Array, type: number): unknown {
    const unpacker = unpackers.get(type)
    if (unpacker === undefined) throw new BadFrame('an unknown extension')
    return unpacker(data)
  },
}
const decoder = new Decoder({ extensionCodec })

unpacksAs(extensions.undefined, () => undefined)
unpacksAs(extensions.negativeZero, () => -0)
unpacksAs(extensions.illFormedString, (data) => {
  let text = ''
  for (const unit of new Uint16Array(ownMemory(data))) text += String.fromCharCode(unit)
  return text
})
unpacksAs(extensions.bigint, (data) => {
  const digits = unpack(data)
  const [, sign, magnitude] = /^(-?)([0-9a-f]+)$/.exec(typeof digits === 'string' ? digits : '') ?? []
  if (magnitude === undefined) throw new BadFrame('not a bigint')
  return sign === '-' ? -BigInt(`0x${magnitude}`) : BigInt(`0x${magnitude}`)
})
unpacksAs(extensions.date, (data) => {
  if (data.length !== 8) throw new BadFrame('not a date')
  // biome-ignore lint/style/noRestrictedGlobals: a date of the user's, not the time
  return new Date(new Float64Array(ownMemory(data))[0] as number)
})
unpacksAs(extensions.regexp, (data) => {
  const [source, flags] = list(data)
  if (typeof source !== 'string' || typeof flags !== 'string') throw new BadFrame('not a regular expression')
  return new RegExp(source, flags)
})
unpacksAs(extensions.map, (data) => {
  const flat = list(data)
  if (flat.length % 2 !== 0) throw new BadFrame('not a map')
  const map = new Map<unknown, unknown>()
  for (let index = 0; index < flat.length; index += 2) map.set(flat[index], flat[index + 1])
  return map
})
unpacksAs(extensions.set, (data) => new Set(list(data)))
unpacksAs(extensions.boxed, (data) => {
  const [value] = list(data)
  if (typeof value !== 'boolean' && typeof value !== 'number' && typeof value !== 'string')
    throw new BadFrame('not a boxed value')
  return Object(value)
})
unpacksAs(extensions.error, (data) => {
  const [name, message, stack, ...cause] = list(data)
  if (typeof name !== 'string' || typeof message !== 'string' || cause.length > 1)
    throw new BadFrame('not an error')
  const kind = Object.hasOwn(errorKinds, name) ? errorKinds[name] : undefined
  const error = new (kind ?? Error)(message, cause.length === 1 ? { cause: cause[0] } : undefined)
  const hidden = { configurable: true, writable: true, enumerable: false }
  if (error.name !== name) Object.defineProperty(error, 'name', { ...hidden, value: name })
  Object.defineProperty(error, 'stack', { ...hidden, value: typeof stack === 'string' ? stack : undefined })
  return error
})
unpacksAs(extensions.buffer, (data) => {
  const kind = bufferKinds[data[0] ?? -1]
  if (kind === undefined) throw new BadFrame('not a buffer')
  const buffer = ownMemory(data.subarray(1))
  if (kind === ArrayBuffer) return buffer
  const width = 'BYTES_PER_ELEMENT' in kind ? kind.BYTES_PER_ELEMENT : 1
  if (buffer.byteLength % width !== 0) throw new BadFrame('a typed array is cut short')
  return new (kind as Uint8ArrayConstructor)(buffer)
})

function list(data: Uint8Array): readonly unknown[] {
  const values = unpack(data)
  if (!Array.isArray(values)) throw new BadFrame('an extension holds no list')
  return values
}

function ownMemory(data: Uint8Array): ArrayBuffer {
  // Not `slice`: that of a Node Buffer, as a socket gives it, shares the whole pool that it lies in.
  return new Uint8Array(data).buffer
}
