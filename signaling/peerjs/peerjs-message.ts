import * as v from 'valibot'
import { limits } from '../../src/wire/index.js'
import { nestsDeeperThan } from './nesting.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

/** Ids as PeerJS clients choose them: anything printable; theirs is the only check there is at PeerServer. */
export const peerJsId = v.pipe(v.string(), v.minLength(1), v.maxLength(256))

/** Whom a client calls: an id, a number that a page has for one, or nobody, as where its visitor has filled in nothing. */
const called = v.union([peerJsId, v.pipe(v.number(), v.transform(String)), v.literal('')])

const clientMessage = v.object({
  type: v.pipe(v.string(), v.maxLength(64)),
  dst: v.optional(v.nullable(called)),
  payload: v.optional(v.unknown()),
})

/** What a client may send; `src` is set by the server, whatever the client says. */
export type PeerJsClientMessage = v.InferOutput<typeof clientMessage>

/** A message as PeerJS clients read it: JSON in a text frame. */
export function peerJsFrame(message: Readonly<Record<string, unknown>>): Uint8Array {
  return encoder.encode(JSON.stringify(message))
}

/** Reads a client's frame; undefined when it is no message, or nests deeper than values between our own peers may. */
export function readPeerJsFrame(frame: Uint8Array): PeerJsClientMessage | undefined {
  if (nestsDeeperThan(limits.valueDepth, frame)) return undefined
  try {
    const parsed = v.safeParse(clientMessage, JSON.parse(decoder.decode(frame)))
    return parsed.success ? parsed.output : undefined
  } catch {
    return undefined
  }
}
