import type { MembershipMessage } from '../membership/index.js'
import { encodeMessage, type Message, messageDefinition, type PeerId, type PeerInfo } from '../wire/index.js'
import { randomValue } from '../wire/testing/random-message.js'

/** Of what a hostile member sends, the part that is a lie made to bury somebody; the rest is chance's. */
export const liesOfHostile = 0.25

/** How many characters of a made-up frame are random. */
const randomFrame = 200

/** Gossip with an incarnation near the end of what the wire carries, made so that its victim can never outbid it. */
export function lieAbout({ id, host }: PeerInfo, chance: () => number): MembershipMessage {
  const incarnation = 2 ** 40 - Math.floor(chance() * 3)
  const standing = Math.floor(chance() * 10)
  return { type: 'membership.gossip', news: [[id, incarnation, standing, 0, 1, host]] }
}

/** A message of membership with valid contents of chance's making; undefined where chance names none. */
export function madeUpMembership(
  ids: readonly PeerId[],
  chance: () => number,
): MembershipMessage | undefined {
  const definition = messageDefinition(16 + Math.floor(chance() * 16))
  if (definition === undefined) return undefined
  return randomValue(definition.schema, { chance, ids }) as MembershipMessage
}

/** The bytes of any message with valid contents of chance's making, or of none. */
export function madeUpFrame(ids: readonly PeerId[], chance: () => number): Uint8Array {
  const noise = Uint8Array.from({ length: Math.floor(chance() * randomFrame) }, () =>
    Math.floor(chance() * 256),
  )
  const definition = messageDefinition(Math.floor(chance() * 128))
  if (definition === undefined || chance() < 0.3) return noise
  try {
    return encodeMessage(randomValue(definition.schema, { chance, ids }) as Message)
  } catch {
    // What was made up does not even encode.
    return noise
  }
}
