import type { Claim, MembershipMessage } from '../claim.js'
import type { TestCluster, TestNode } from './cluster.js'

/** 2 % loss and 40 to 800 ms there and back: the network that this project is judged in. */
export const rough = { loss: 0.02, delay: [20, 400] } as const

export const stateAt = (node: TestNode, of: TestNode) => node.membership.member(of.id)?.state
export const deathsOf = (cluster: TestCluster, of: TestNode) =>
  cluster.nodes.flatMap((node) =>
    node.seen.filter(({ member }) => member.id === of.id && member.state === 'dead'),
  )

export function percentile(values: readonly number[], fraction: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(fraction * sorted.length))] ?? Number.NaN
}

/** Member `index` of a cluster that has formed. */
export function at(cluster: TestCluster, index: number): TestNode {
  const node = cluster.nodes[index]
  if (node === undefined) throw new Error(`no node ${index}`)
  return node
}

export function hasWord(message: MembershipMessage, word: (claim: Claim) => boolean): boolean {
  return 'news' in message
    ? message.news.some(word)
    : message.type === 'membership.table' && message.claims.some(word)
}
