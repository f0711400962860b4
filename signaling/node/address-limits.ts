import type { RefusalReason, SignalLimits } from '../rooms/index.js'
import { TokenBucket } from '../rooms/index.js'
import { addressGroup } from './addresses.js'
import { ReadingShare } from './reading-turns.js'

/** Why connections of an address over its rate are refused. */
export const overRate: RefusalReason = 'too-many-new-connections-from-address'

/** How many times the new connections of a second may come at once. */
const burst = 10

/** Connections over the rate that are still read, each second, so that their peers can be told why they are refused. */
const toldWhy = 10

/** Addresses below which it is not worth looking for those that nothing need be known of any more. */
const fewAddresses = 1_024

interface FromAddress {
  open: number
  readonly fresh: TokenBucket
  readonly share: ReadingShare
  readonly toldWhy: TokenBucket
}

/** What becomes of a connection that has just come: `refuse` once its request is there, or `drop`, at once. */
export type Arrival = 'welcome' | 'refuse' | 'drop'

/** How many sockets each address has, how fast it opens new ones, and how fast they are read; IPv6 by its /64. */
export class AddressLimits {
  readonly #limits: SignalLimits
  readonly #addresses = new Map<string, FromAddress>()
  /** How many addresses are remembered when those are forgotten that have been quiet. */
  #tidyAt = fewAddresses

  constructor(limits: SignalLimits) {
    this.#limits = limits
  }

  /** Why a new connection from there is not let in now; undefined where it is. It counts as a new one, open or not. */
  refusal(address: string, now: number): RefusalReason | undefined {
    const tooManyOpen = this.refusalOfArrived(address, now)
    if (tooManyOpen !== undefined) return tooManyOpen
    return this.#from(address, now).fresh.takeIfThere(1, now) ? undefined : overRate
  }

  /** The same, where it counted as a new one when it {@link arrived}. */
  refusalOfArrived(address: string, now: number): RefusalReason | undefined {
    const { open } = this.#from(address, now)
    return open >= this.#limits.connectionsPerAddress ? 'too-many-connections-from-address' : undefined
  }

  /** A connection from there has come, and nothing on it yet. */
  arrived(address: string, now: number): Arrival {
    const from = this.#from(address, now)
    if (from.fresh.takeIfThere(1, now)) return 'welcome'
    return from.toldWhy.takeIfThere(1, now) ? 'refuse' : 'drop'
  }

  /** A connection from there that was not refused has become a socket; answers what it may be read. */
  opened(address: string, now: number): ReadingShare {
    const from = this.#from(address, now)
    from.open++
    return from.share
  }

  /** What connections from there may be read. */
  share(address: string, now: number): ReadingShare {
    return this.#from(address, now).share
  }

  /** One of its sockets is closed. */
  closed(address: string): void {
    const from = this.#addresses.get(addressGroup(address))
    if (from !== undefined) from.open--
  }

  /** How many addresses something is remembered of. */
  get size(): number {
    return this.#addresses.size
  }

  #from(address: string, now: number): FromAddress {
    const group = addressGroup(address)
    let from = this.#addresses.get(group)
    if (from === undefined) {
      if (this.#addresses.size >= this.#tidyAt) this.#tidy(now)
      const rate = this.#limits.newConnectionsPerAddress
      from = {
        open: 0,
        fresh: new TokenBucket(rate, burst * rate, now),
        toldWhy: new TokenBucket(toldWhy, toldWhy, now),
        share: new ReadingShare(this.#limits.framesPerSecondPerAddress, now),
      }
      this.#addresses.set(group, from)
    }
    return from
  }

  /** Looks at all of them each time that there are twice as many as stayed the last time. */
  #tidy(now: number): void {
    for (const [group, { open, fresh, share }] of this.#addresses)
      if (open === 0 && fresh.isFull(now) && share.frames.isFull(now)) this.#addresses.delete(group)
    this.#tidyAt = Math.max(fewAddresses, 2 * this.#addresses.size)
  }
}
