import { InvalidOption } from '../errors/index.js'
import type { Link, OpenDirect, OpenSignaling } from '../links/index.js'
import type { PeerId } from '../wire/index.js'

/**
 * Cuts this peer off from others, for tests and demonstrations: from then on no frame to or from
 * them arrives, on any link, and nobody is told, as when a cable is pulled. To part two peers
 * properly, cut at both.
 *
 * @example
 * ```ts
 * const chaos = new Chaos()
 * const mesh = await join({ signal, room, chaos })
 * chaos.cut([other.id])
 * chaos.heal()
 * ```
 */
export class Chaos {
  #cut: ReadonlySet<PeerId> | 'all' = new Set()

  /** Loses everything to and from these peers from now on; `'all'`: to and from everybody. Replaces the cut before. */
  cut(peers: readonly PeerId[] | 'all'): void {
    if (peers !== 'all' && !Array.isArray(peers)) {
      throw new InvalidOption('chaos.cut', peers, "must be a list of ids, or 'all'")
    }
    this.#cut = peers === 'all' ? 'all' : new Set(peers)
  }

  /** Lets everything through again. */
  heal(): void {
    this.#cut = new Set()
  }

  /** Whether frames to and from `peer` are lost now. */
  isCut(peer: PeerId): boolean {
    return this.#cut === 'all' || this.#cut.has(peer)
  }

  /** @internal */
  aroundDirect(open: OpenDirect): OpenDirect {
    return (remote, initiator, iceServers, signal, events, dial) => {
      const around = {
        ...events,
        frame: (bytes: Uint8Array) => {
          if (!this.isCut(remote)) events.frame(bytes)
        },
      }
      const link = open(remote, initiator, iceServers, signal, around, dial)
      return overriding(link, (frame) => {
        if (!this.isCut(remote)) link.send(frame)
      })
    }
  }

  /** @internal */
  aroundSignaling(open: OpenSignaling): OpenSignaling {
    return (self, events) => {
      const signaling = open(self, {
        ...events,
        offered: (from, payload) => {
          if (!this.isCut(from)) events.offered(from, payload)
        },
        relayed: (from, frame) => {
          if (!this.isCut(from)) events.relayed(from, frame)
        },
      })
      return {
        get connected() {
          return signaling.connected
        },
        get buffered() {
          return signaling.buffered
        },
        sendOffer: (to, payload) => {
          if (!this.isCut(to)) signaling.sendOffer(to, payload)
        },
        relay: (to, frame) => {
          if (!this.isCut(to)) signaling.relay(to, frame)
        },
        close: (clean) => signaling.close(clean),
      }
    }
  }
}

/** The same link with another `send`; its getters must go on reading the link itself. */
function overriding<L extends Link>(link: L, send: (frame: Uint8Array) => void): L {
  return new Proxy(link, {
    get(target, property) {
      if (property === 'send') return send
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
