import type { Cluster } from '../mesh/index.js'
import { probeTimeout } from './names-timing.js'
import type { ProcessRef } from './ref.js'

/** What a probe found: `silent` where its peer gave no answer. */
export type Life = 'alive' | 'ended' | 'silent'

/** Asks peers whether processes of theirs live, all at once. Calls `tell` with a life for each. */
export function probe(
  cluster: Cluster,
  refs: readonly ProcessRef[],
  tell: (lives: readonly Life[]) => void,
): void {
  const lives: Life[] = refs.map(() => 'silent')
  let left = refs.length
  if (left === 0) tell(lives)
  for (const [index, { peer, id }] of refs.entries()) {
    cluster.request(peer, { type: 'process.probe', process: id }, probeTimeout, (outcome) => {
      if (outcome.kind === 'reply' && outcome.message.type === 'process.alive')
        lives[index] = outcome.message.alive ? 'alive' : 'ended'
      if (--left === 0) tell(lives)
    })
  }
}
