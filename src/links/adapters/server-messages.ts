import type { Message } from '../../wire/index.js'
import type { IceServer, SignalingEvents } from '../signaling.js'

/** Passes on what a server tells a member of a room; false where `message` is nothing of that. */
export function pass(message: Message, events: SignalingEvents): boolean {
  switch (message.type) {
    case 'signal.joined':
      events.joined(message.peer)
      return true
    case 'signal.closed':
      events.closed(message.peer, message.clean)
      return true
    case 'signal.offered':
      events.offered(message.from, message.payload)
      return true
    case 'signal.relayed':
      events.relayed(message.from, message.frame)
      return true
    case 'signal.unreachable':
      events.unreachable(message.peer)
      return true
    case 'signal.iceServers':
      // As a welcome in which nobody is new.
      events.welcome([], plainServers(message.iceServers))
      return true
    default:
      return false
  }
}

/** Addresses of ICE servers that are used: every one is asked for each dial, and those who offer many have five or six. */
const mostIceServers = 16

/**
 * As the platform has it, without the optional fields that are not there. What the platform would refuse is left out, as an
 * address of no known scheme, or a TURN server without its credential, has it throw at every dial; and what is beyond
 * `mostIceServers`.
 */
export function plainServers(
  servers: Extract<Message, { type: 'signal.welcome' }>['iceServers'],
): IceServer[] {
  const plain: IceServer[] = []
  let left = mostIceServers
  for (const { urls, username, credential } of servers) {
    const hasCredential = username !== undefined && credential !== undefined
    const good = (typeof urls === 'string' ? [urls] : urls)
      .filter((url) => (hasCredential ? /^(stun|turn)s?:[^\s?]/i : /^stuns?:[^\s?]/i).test(url))
      .slice(0, left)
    if (good.length === 0) continue
    left -= good.length
    plain.push({
      urls: typeof urls === 'string' ? urls : good,
      ...(username !== undefined && { username }),
      ...(credential !== undefined && { credential }),
    })
  }
  return plain
}
