import type { Cluster } from '../mesh/index.js'
import type { PeerId } from '../wire/index.js'

/** Whether a peer may have processes: it is neither dead, nor gone, nor unknown. */
export function isHere(cluster: Cluster, peer: PeerId): boolean {
  const state = cluster.member(peer)?.state
  return state !== undefined && state !== 'dead' && state !== 'left'
}
