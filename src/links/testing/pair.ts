import { VirtualTime } from '../../runtime/index.js'
import { MemoryNetwork, type MemoryNetworkOptions } from '../adapters/memory.js'
import type { RelayPolicy } from '../surroundings.js'
import { TestPeer } from './test-peer.js'

/** Two peers of one room, `a` and `b`, and the network between them. */
export function pair(
  options: MemoryNetworkOptions = {},
  peerOptions: { relay?: RelayPolicy; direct?: boolean } = {},
) {
  const time = new VirtualTime('links')
  const network = new MemoryNetwork(time.runtime('network'), options)
  const a = new TestPeer('a', time.runtime('a'), network, peerOptions)
  const b = new TestPeer('b', time.runtime('b'), network, peerOptions)
  return { time, network, a, b }
}
