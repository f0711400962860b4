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

/** Without the optional fields that are not there, as the platform has it. */
export function plainServers(
  servers: Extract<Message, { type: 'signal.welcome' }>['iceServers'],
): IceServer[] {
  return servers.map(({ urls, username, credential }) => ({
    urls,
    ...(username !== undefined && { username }),
    ...(credential !== undefined && { credential }),
  }))
}
