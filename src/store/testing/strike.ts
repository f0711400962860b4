import type { PeerId } from '../../wire/index.js'
import { HostileMember } from './hostile-member.js'
import { about, type SimulatedPeers } from './simulated-peers.js'
import type { Fault } from './simulation-options.js'

/** Faults that take copies away, so that a write may lose its last one. */
const losing: ReadonlySet<Fault> = new Set(['crash', 'browser', 'outage', 'reload'])

/** Whether these faults take copies away. */
export function mayLose(faults: readonly Fault[]): boolean {
  return faults.some((fault) => losing.has(fault))
}

/** Lets faults happen to peers of chance, as far as enough are left to bear it. */
export class Striker {
  readonly #peers: SimulatedPeers
  readonly #nodes: number
  readonly #awayFor: number
  /** Who sends made-up frames, if anybody does. */
  readonly hostile: HostileMember | undefined
  #isCut = false

  /**
   * @param nodes - how many peers there were at the start: about so many stay
   * @param awayFor - mean milliseconds of 'away'
   */
  constructor(peers: SimulatedPeers, nodes: number, awayFor: number) {
    this.#peers = peers
    this.#nodes = nodes
    this.#awayFor = awayFor
    this.hostile = peers.hostile && new HostileMember(peers, peers.hostile)
  }

  strike(fault: Fault): void {
    const peers = this.#peers
    const { net, time, random, alive } = peers
    switch (fault) {
      case 'join':
        if (peers.running.length < 2 * this.#nodes) peers.join()
        return
      case 'leave':
        if (this.#canSpareOne) net.leave(peers.pick(alive).self)
        return
      case 'crash':
        if (this.#canSpareOne) peers.crash(peers.pick(alive).self)
        return
      case 'browser': {
        const hosts = new Set(alive.map(({ info }) => info.host))
        if (hosts.size < 3) return
        const host = peers.pick([...hosts])
        peers.crashTogether(alive.filter(({ info }) => info.host === host).map(({ self }) => self))
        return
      }
      case 'outage': {
        if (alive.length < this.#nodes - 1) return
        const victims = new Set<PeerId>()
        while (victims.size < 3) victims.add(peers.pick(alive).self)
        peers.crashTogether([...victims])
        return
      }
      case 'reload':
        if (alive.length >= 4) peers.reload(peers.pick(alive).self)
        return
      case 'mute':
        if (alive.length > 0) this.#cut(() => net.mute([peers.pick(alive).self]))
        return
      case 'suspect': {
        if (alive.length === 0) return
        const victim = peers.pick(alive)
        const observers = alive.filter((other) => other !== victim && random() < 0.5)
        net.suspect(
          victim.self,
          observers.map(({ self }) => self),
          about(random, 2_000),
        )
        return
      }
      case 'partition':
        this.#cut(() => {
          const one: PeerId[] = []
          const other: PeerId[] = []
          for (const { self } of peers.running) (random() < 0.5 ? one : other).push(self)
          net.partition([one, other])
        })
        return
      case 'freeze':
        if (alive.length > 0) net.freeze(peers.pick(alive).self, about(random, 4_000))
        return
      case 'away': {
        if (alive.length < 4) return
        const { self } = peers.pick(alive)
        const span = about(random, this.#awayFor)
        this.#cut(() => {
          const others = peers.running.map((other) => other.self).filter((id) => id !== self)
          net.partition([[self], others])
          if (random() < 0.5) net.freeze(self, span)
        }, span)
        return
      }
      case 'park': {
        if (alive.length < 5) return
        const victim = peers.pick(alive)
        net.park(victim.self)
        time.timer(about(random, 5_000), () => {
          if (victim.running && victim.own === 'parked') net.unpark(victim.self)
        })
        return
      }
      case 'clock':
        // One wrong clock at a time: two that are wrong alike outvote the rest.
        for (const { clockAhead } of peers.running) if (clockAhead !== 0) return
        if (alive.length > 0)
          peers.pick(alive).clockAhead = (random() < 0.5 ? -1 : 1) * 60_000 * (1 + 60 * random())
        return
      case 'hostile':
        this.hostile?.attack()
        return
      case 'lag':
        // Not a blow: it is how late all views are.
        return
    }
  }

  /** Ends what lasts: cuts, views that are late, and pages that are asleep or hidden. */
  heal(): void {
    const { net } = this.#peers
    net.heal()
    this.#peers.endLag()
    for (const peer of net.running) {
      if (peer.frozen) peer.thaw()
      if (peer.own === 'parked') net.unpark(peer.self)
    }
  }

  get #canSpareOne(): boolean {
    return this.#peers.alive.length > Math.max(4, this.#nodes - 2)
  }

  /** One cut at a time, for `span` milliseconds or, without it, some seconds. */
  #cut(cut: () => void, span?: number): void {
    if (this.#isCut) return
    this.#isCut = true
    cut()
    const { net, time, random } = this.#peers
    time.timer(span ?? about(random, 6_000), () => {
      this.#isCut = false
      net.heal()
    })
  }
}
