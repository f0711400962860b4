/**
 * The numbers of the MessagePack extensions that carry what MessagePack has no type for. They are
 * on disks and on the wire: a number is never given a new meaning.
 */
export const extensions = {
  undefined: 1,
  negativeZero: 2,
  bigint: 3,
  date: 4,
  regexp: 5,
  map: 6,
  set: 7,
  error: 8,
  buffer: 9,
  boxed: 10,
  illFormedString: 11,
} as const

/** Kinds of `extensions.buffer`, by their first byte. Elements lie little-endian, as in every engine there is. */
export const bufferKinds = [
  ArrayBuffer,
  Uint8Array,
  Int8Array,
  Uint8ClampedArray,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigUint64Array,
  BigInt64Array,
  DataView,
] as const
