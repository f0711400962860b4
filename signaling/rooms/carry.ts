/** The codes of `signal.offer` and `signal.relay`, and of what becomes of them at the other end. */
const carried = new Map([
  [113, 121],
  [114, 122],
])

/** MessagePack's mark of an array of three, and of the shortest strings (`fixstr`). */
const arrayOfThree = 0x93
const shortString = 0xa0

/** A frame to be carried, read no further than needed: the bytes of the user are not looked at. */
export interface Carried {
  readonly code: 113 | 114
  readonly to: string
  /** Where the binary field begins, with its head; it ends with the frame. */
  readonly tail: number
  /** Bytes of the user's. */
  readonly size: number
}

/** Whether a frame says that it is to be carried; what it holds may still be nonsense. */
export function isToBeCarried(frame: Uint8Array): boolean {
  return frame[1] === 113 || frame[1] === 114
}

/**
 * Reads an offer or relay frame, `[code, to, bytes]`, as every peer writes it: a tenth of the work
 * of decoding and encoding it again. Undefined for anything else, which the codec then judges.
 */
export function readCarried(frame: Uint8Array): Carried | undefined {
  const mark = frame[2] as number
  if (frame[0] !== arrayOfThree || !isToBeCarried(frame)) return undefined
  // Ids are at most 64 characters of ASCII: a short string, or one with a byte for its length.
  const isShort = mark >= shortString && mark <= shortString + 31
  if (!isShort && mark !== 0xd9) return undefined
  const start = isShort ? 3 : 4
  const length = isShort ? mark - shortString : (frame[3] as number)
  const tail = start + length
  const size = sizeOfBinary(frame, tail)
  if (size === undefined || length === 0 || length > 64) return undefined
  return { code: frame[1] as Carried['code'], to: ascii(frame, start, tail), tail, size }
}

/**
 * The frame that arrives at the other end, `[code, from, bytes]`.
 * @param from - the sender's id as `packedId` gives it
 */
export function carriedFrame(frame: Uint8Array, { code, tail }: Carried, from: Uint8Array): Uint8Array {
  const rest = frame.subarray(tail)
  const out = new Uint8Array(2 + from.byteLength + rest.byteLength)
  out[0] = arrayOfThree
  out[1] = carried.get(code) as number
  out.set(from, 2)
  out.set(rest, 2 + from.byteLength)
  return out
}

/** An id as a MessagePack string. */
export function packedId(id: string): Uint8Array {
  const head = id.length <= 31 ? [shortString + id.length] : [0xd9, id.length]
  return Uint8Array.from([...head, ...Array.from(id, (character) => character.charCodeAt(0))])
}

/** The length of a binary field that ends exactly with the frame; undefined for anything else. */
function sizeOfBinary(frame: Uint8Array, at: number): number | undefined {
  const left = frame.byteLength - at
  switch (frame[at]) {
    case 0xc4:
      return frame[at + 1] === left - 2 ? left - 2 : undefined
    case 0xc5:
      return (((frame[at + 1] as number) << 8) | (frame[at + 2] as number)) === left - 3
        ? left - 3
        : undefined
    case 0xc6: {
      if (left < 5) return undefined
      const size =
        (frame[at + 1] as number) * 2 ** 24 +
        (((frame[at + 2] as number) << 16) | ((frame[at + 3] as number) << 8) | (frame[at + 4] as number))
      return size === left - 5 ? size : undefined
    }
    default:
      return undefined
  }
}

function ascii(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at] as number)
  return text
}
