import * as v from 'valibot'
import { defineMessage, priorities } from './message.js'

const bytes = v.custom<Uint8Array>((value) => value instanceof Uint8Array, 'must be bytes')
const requestId = v.pipe(v.number(), v.integer(), v.minValue(0))
const view = v.pipe(v.string(), v.maxLength(64))

/** Of the mesh itself: a request around another message, its reply, and what the page sends to a page. */
export const meshMessages = [
  /** Answer `body`, an encoded message. `view` is the sender's, so that a differing one is noticed. */
  defineMessage(8, 'mesh.request', priorities.call, { id: requestId, view, body: bytes }),
  /** The answer to request `id`: an encoded message. */
  defineMessage(9, 'mesh.reply', priorities.call, { id: requestId, view, body: bytes }),
  /** The request `id` is refused: nobody serves it here, it was malformed, or its service is full. */
  defineMessage(10, 'mesh.refuse', priorities.call, {
    id: requestId,
    reason: v.picklist(['unserved', 'malformed', 'busy', 'closing']),
  }),
  /** What a page sent with `mesh.send` or `mesh.broadcast`, packed. */
  defineMessage(11, 'mesh.user', priorities.call, { body: bytes }),
] as const
