import type { EncodedMessage } from './encoded-message.js'
import { limits } from './limits.js'
import type { Priority } from './message.js'
import {
  arrayLength,
  binaryLength,
  HeadReader,
  naturalLength,
  writeArray,
  writeBinary,
  writeNatural,
} from './message-pack-heads.js'
import { type Message, messageDefinition } from './messages.js'
import { mostMessages } from './session-messages.js'

/** What rides in a frame of numbered parts: a whole message, or a piece of a long one. */
export interface Part {
  readonly message: EncodedMessage
  /** Bytes of the message before the first of this part, and before the first after it. */
  readonly start: number
  readonly end: number
  /** Which lane a piece belongs to; undefined when this is the whole message. */
  readonly lane: Priority | undefined
}

/**
 * Parts that leave together: whole messages with the numbers `first`, `first + 1`, …, which make a
 * `session.data`, or one piece, which makes a `session.piece`.
 */
export interface PartFrame {
  readonly first: number
  readonly acknowledged: number
  readonly parts: readonly Part[]
}

const codes = {
  data: messageDefinition('session.data')?.code ?? 0,
  piece: messageDefinition('session.piece')?.code ?? 0,
}

/** Bytes that {@link writePartFrame} will write. */
export function partFrameLength({ first, acknowledged, parts }: PartFrame): number {
  const [piece] = parts
  if (piece !== undefined && piece.lane !== undefined) {
    const bytes = piece.end - piece.start
    return (
      // The array, the code and the lane take one byte each.
      3 +
      naturalLength(first) +
      naturalLength(acknowledged) +
      naturalLength(piece.message.length) +
      naturalLength(piece.start) +
      binaryLength(bytes) +
      bytes
    )
  }
  let length = 2 + naturalLength(first) + naturalLength(acknowledged) + arrayLength(parts.length)
  for (const { message } of parts) length += binaryLength(message.length) + message.length
  return length
}

/**
 * Writes the frame that `encodeMessage` would make of a `session.data` or `session.piece` with
 * these parts, straight from where their bytes lie: what is sent most is copied once.
 *
 * @param target - as long as {@link partFrameLength} says, or longer
 */
export function writePartFrame(frame: PartFrame, target: Uint8Array): void {
  const { first, acknowledged, parts } = frame
  const [piece] = parts
  if (piece !== undefined && piece.lane !== undefined) {
    const { message, start, end, lane } = piece
    target[0] = 0x97
    target[1] = codes.piece
    let at = writeNatural(target, 2, first)
    at = writeNatural(target, at, acknowledged)
    at = writeNatural(target, at, lane)
    at = writeNatural(target, at, message.length)
    at = writeNatural(target, at, start)
    at = writeBinary(target, at, end - start)
    message.copyTo(target, at, start, end)
    return
  }
  target[0] = 0x94
  target[1] = codes.data
  let at = writeNatural(target, 2, first)
  at = writeNatural(target, at, acknowledged)
  at = writeArray(target, at, parts.length)
  for (const { message } of parts) {
    at = writeBinary(target, at, message.length)
    message.copyTo(target, at, 0, message.length)
    at += message.length
  }
}

/**
 * Reads a frame of parts as {@link writePartFrame} writes it. What is sent most is so taken without
 * a walk over its structure, a decoder and a validation of each value, which come to the same: what
 * this takes, `decodeMessage` takes too, with the same result.
 *
 * @returns undefined where the bytes are anything else, or not within the limits: `decodeMessage` says what they are
 */
export function readPartFrame(
  bytes: Uint8Array,
): Extract<Message, { type: 'session.data' | 'session.piece' }> | undefined {
  if (bytes.length > limits.frameBytes) return undefined
  const reader = new HeadReader(bytes)
  const fields = reader.array()
  const code = reader.natural()
  const first = reader.natural()
  const acknowledged = reader.natural()
  if (first === undefined || acknowledged === undefined) return undefined
  if (code === codes.data && fields === 4) {
    const messages = readBinaries(reader)
    if (messages === undefined || reader.at !== bytes.length) return undefined
    return { type: 'session.data', first, acknowledged, messages }
  }
  if (code !== codes.piece || fields !== 7) return undefined
  const lane = reader.natural()
  const total = reader.natural()
  const offset = reader.natural()
  const piece = reader.binary()
  if (lane === undefined || lane > 3 || total === undefined || total > limits.messageBytes) return undefined
  if (offset === undefined || piece === undefined || reader.at !== bytes.length) return undefined
  return { type: 'session.piece', number: first, acknowledged, lane: lane as Priority, total, offset, piece }
}

function readBinaries(reader: HeadReader): Uint8Array[] | undefined {
  const count = reader.array()
  if (count === undefined || count > mostMessages) return undefined
  const all: Uint8Array[] = []
  for (let index = 0; index < count; index++) {
    const one = reader.binary()
    if (one === undefined) return undefined
    all.push(one)
  }
  return all
}
