import { decode, encode } from '@msgpack/msgpack'
import * as v from 'valibot'
import type { Presence } from '../rooms/index.js'

const text = v.pipe(v.string(), v.maxLength(2048))
const whole = v.pipe(v.number(), v.integer())
const bytes = v.instance(Uint8Array)
const stored = v.tuple([text, whole, bytes])
const frame = v.tuple([text, text, bytes])
const entered = v.tuple([v.literal('entered'), text, text, whole, bytes])
const left = v.tuple([v.literal('left'), text, text, whole, v.boolean()])

/** What a room's channel says. */
export type Notice =
  | { readonly type: 'entered'; readonly presence: Presence }
  | {
      readonly type: 'left'
      readonly id: string
      readonly instance: string
      readonly session: number
      readonly clean: boolean
    }

/** A presence as the hash of its room keeps it, under its id. */
export function packPresence({ instance, session, info }: Presence): Buffer {
  return packed([instance, session, info])
}

/** What a room's channel says of somebody who came. */
export function packEntered({ id, instance, session, info }: Presence): Buffer {
  return packed(['entered', id, instance, session, info])
}

/** What a room's channel says of somebody who went. */
export function packLeft({ id, instance, session }: Presence, clean: boolean): Buffer {
  return packed(['left', id, instance, session, clean])
}

/** A frame for a peer, as the channel of its instance carries it. */
export function packFrame(room: string, to: string, carried: Uint8Array): Buffer {
  return packed([room, to, carried])
}

/** Reads a room's channel; undefined for what this version does not understand. */
export function readNotice(packedNotice: Uint8Array): Notice | undefined {
  const tuple = unpacked(packedNotice)
  const came = v.safeParse(entered, tuple)
  if (came.success) {
    const [type, id, instance, session, info] = came.output
    return { type, presence: { id, instance, session, info } }
  }
  const gone = v.safeParse(left, tuple)
  if (!gone.success) return undefined
  const [type, id, instance, session, clean] = gone.output
  return { type, id, instance, session, clean }
}

/** Reads an instance's channel: room, peer and frame; undefined for what is none. */
export function readFrame(
  packedFrame: Uint8Array,
): [room: string, to: string, frame: Uint8Array] | undefined {
  const parsed = v.safeParse(frame, unpacked(packedFrame))
  return parsed.success ? parsed.output : undefined
}

/** Reads the reply to HGETALL, which is a map in RESP3 and a flat list in RESP2; what is no presence is left out. */
export function readPresences(reply: unknown): Presence[] {
  const pairs: (readonly [unknown, unknown])[] = []
  if (reply instanceof Map) pairs.push(...reply)
  else if (Array.isArray(reply))
    for (let at = 0; at < reply.length; at += 2) pairs.push([reply[at], reply[at + 1]])
  else if (typeof reply === 'object' && reply !== null) pairs.push(...Object.entries(reply))
  const all: Presence[] = []
  for (const [field, value] of pairs) {
    const parsed = v.safeParse(stored, value instanceof Uint8Array ? unpacked(value) : undefined)
    if (!parsed.success) continue
    const [instance, session, info] = parsed.output
    all.push({ id: String(field), instance, session, info })
  }
  return all
}

function packed(value: unknown): Buffer {
  const array = encode(value)
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength)
}

function unpacked(value: Uint8Array): unknown {
  try {
    return decode(value)
  } catch {
    return undefined
  }
}
