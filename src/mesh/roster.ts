import type { LinkKind, Links } from '../links/index.js'
import type { Member as Known, Membership } from '../membership/index.js'
import type { Spread } from '../ring/index.js'
import type { PeerId } from '../wire/index.js'
import type { Member } from './cluster.js'
import { isGone } from './member-state.js'

/** The peers as the rooms above see them: what is believed of each, and how it is linked. */
export class Roster {
  readonly #self: PeerId
  readonly #membership: Pick<Membership, 'member' | 'members'>
  readonly #links: Pick<Links, 'kind'>
  /** Of the peers that there is a link to, as it was last told. */
  readonly #linkKinds = new Map<PeerId, LinkKind>()

  readonly spread: Spread = {
    domain: (id) => this.#membership.member(id)?.host ?? id,
    anchor: (id) => this.#membership.member(id)?.kind === 'edge',
  }

  constructor(self: PeerId, membership: Pick<Membership, 'member' | 'members'>, links: Pick<Links, 'kind'>) {
    this.#self = self
    this.#membership = membership
    this.#links = links
  }

  /** All that are not dead or gone, this one included, in the order of their ids. */
  members(): Member[] {
    const here = this.#membership.members().filter(({ state }) => !isGone(state))
    return here.map((known) => this.describe(known))
  }

  /** One peer, also a dead or departed one for as long as it is remembered. */
  member(id: PeerId): Member | undefined {
    const known = this.#membership.member(id)
    return known && this.describe(known)
  }

  describe(known: Known): Member {
    const { id, kind, weight, host, state, rtt } = known
    return { id, kind, weight, host, state, link: this.#linkTo(id), rtt: id === this.#self ? 0 : rtt }
  }

  /** How the peer is linked now, where that differs from what was answered last. */
  linkChange(peer: PeerId): LinkKind | 'none' | undefined {
    const kind = this.#links.kind(peer)
    if ((this.#linkKinds.get(peer) ?? 'none') === kind) return undefined
    if (kind === 'none') this.#linkKinds.delete(peer)
    else this.#linkKinds.set(peer, kind)
    return kind
  }

  /** The peer is gone: nobody is told of its link any more. */
  forgetLink(peer: PeerId): void {
    this.#linkKinds.delete(peer)
  }

  #linkTo(peer: PeerId): Member['link'] {
    if (peer === this.#self) return 'self'
    const kind = this.#links.kind(peer)
    // Links in memory, of tests and the simulator, stand for those without a server in between.
    return kind === 'memory' ? 'direct' : kind
  }
}
