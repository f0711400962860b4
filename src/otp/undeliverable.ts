import type { Cluster } from '../mesh/index.js'
import { encodeForSending, limits, type Message, type PeerId } from '../wire/index.js'
import type { ExitReason } from './exit.js'
import { isHere } from './is-here.js'

/** Why a message to `peer` was dropped: that one is gone, it is too long for any peer, or too much waits. */
export function undeliverable(cluster: Cluster, peer: PeerId, message: Message): ExitReason {
  if (!isHere(cluster, peer)) return { type: 'nodedown', peer }
  const { length } = encodeForSending(message)
  if (length > limits.messageBytes) {
    const expected = `${length} bytes are over the ${limits.messageBytes} of a message`
    return { type: 'error', name: 'TooLarge', message: expected }
  }
  return { type: 'error', name: 'QueueFull', message: `too much waits for ${peer}` }
}
