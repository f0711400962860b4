import type { Message, PeerInfo } from '../wire/index.js'

/** The messages between the memberships of two peers. */
export type MembershipMessage = Extract<Message, { type: `membership.${string}` }>

/** What somebody says of a peer, as it travels: see `src/wire/membership-messages.ts`. Never altered once made. */
export type Claim = Extract<MembershipMessage, { type: 'membership.gossip' }>['news'][number]

/** The news of a message that carries none; one for all, as nearly every message is such a one. */
export const noNews: Claim[] = []

/** The PeerInfo that a claim carries, if it does. */
export function infoOf(claim: Claim): PeerInfo | undefined {
  if (claim.length !== 6) return undefined
  return { id: claim[0], kind: claim[3] === 1 ? 'edge' : 'tab', weight: claim[4], host: claim[5] }
}

/** The voters that a claim carries. */
export function votersOf(claim: Claim): readonly number[] {
  return claim.length === 4 ? claim[3] : noVoters
}

const noVoters: readonly number[] = []

/** A claim that introduces the peer as well. */
export function claimWithInfo(info: PeerInfo, incarnation: number, standing: number): Claim {
  return [info.id, incarnation, standing, info.kind === 'edge' ? 1 : 0, info.weight, info.host]
}
