/** Who is here: SWIM with Lifeguard, and the rules that pages need. */

export type { MembershipMessage } from './claim.js'
export { Membership, type MembershipEvents, type MembershipOptions } from './membership.js'
export type { Member } from './peer.js'
export type { MemberState } from './standing.js'
