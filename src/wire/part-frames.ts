import type { EncodedMessage } from './encoded-message.js'
import type { Priority } from './message.js'
import {
  arrayLength,
  binaryLength,
  naturalLength,
  writeArray,
  writeBinary,
  writeNatural,
} from './message-pack-heads.js'
import { messageDefinition } from './messages.js'

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
