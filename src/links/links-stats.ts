import type { PeerId } from '../wire/index.js'
import type { Carrier } from './carrier.js'
import type { Conversation } from './conversation.js'
import type { DialGate } from './dial-gate.js'
import type { LinkKind } from './link.js'
import type { Refusal } from './refusals.js'

/** One peer's links, as they are now. */
export interface LinkStats {
  readonly kind: LinkKind | 'none'
  /** The link in use went silent. */
  readonly troubled: boolean
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly framesSent: number
  readonly framesReceived: number
  readonly messagesSent: number
  readonly messagesReceived: number
  /** Bytes that wait or are under way. */
  readonly queued: number
  /** Parts that were sent again because their link broke. */
  readonly resends: number
  /** How often another link took over. */
  readonly replacements: number
  /** Round trips of the link in use, in milliseconds; undefined before the first. */
  readonly rtt: { readonly p50: number; readonly p95: number; readonly p99: number } | undefined
}

/** Counters and gauges of all links of this peer; bytes and frames as they are sent. */
export interface LinksStats {
  readonly peers: Readonly<Record<PeerId, LinkStats>>
  readonly dials: number
  readonly dialing: number
  readonly waitingToDial: number
  /** Sessions that the other end began anew. */
  readonly resets: number
  /** Peers disconnected, by the reason that was given. */
  readonly disconnected: Readonly<Record<string, number>>
  /** Links closed, by reason. */
  readonly closed: Readonly<Record<string, number>>
  /** Frames and messages refused, by the names of the table in refusals.ts. */
  readonly refused: Readonly<Record<string, number>>
  /** Of all links of all times. */
  readonly bytesSent: number
  readonly bytesReceived: number
  readonly framesSent: number
  readonly framesReceived: number
}

/** Reasons come in part from other peers: more distinct ones than this are counted as `other`. */
const mostReasons = 64

/** Counts what happened to links. */
export class LinksCounters {
  #dials = 0
  #resets = 0
  readonly #disconnected = new Map<string, number>()
  readonly #closed = new Map<string, number>()
  readonly #refused = new Map<string, number>()
  readonly #past = { bytesSent: 0, bytesReceived: 0, framesSent: 0, framesReceived: 0 }

  dialed(): void {
    this.#dials++
  }

  reset(): void {
    this.#resets++
  }

  refused(refusal: Refusal): void {
    count(this.#refused, refusal)
  }

  disconnected(reason: string): void {
    count(this.#disconnected, reason)
  }

  closed(carrier: Carrier, reason: string): void {
    count(this.#closed, reason)
    for (const name of traffic) this.#past[name] += carrier[name]
  }

  stats(conversations: ReadonlyMap<PeerId, Conversation>, gate: DialGate): LinksStats {
    const peers = new Map<PeerId, LinkStats>()
    const total = { ...this.#past }
    for (const [id, { session, kind }] of conversations) {
      const own = { bytesSent: 0, bytesReceived: 0, framesSent: 0, framesReceived: 0 }
      for (const carrier of session.carriers) {
        for (const name of traffic) {
          own[name] += carrier[name]
          total[name] += carrier[name]
        }
      }
      const roundTrips = session.current?.roundTrips
      const p50 = roundTrips?.percentile(0.5)
      peers.set(id, {
        kind,
        troubled: session.current?.troubled ?? false,
        ...own,
        messagesSent: session.messagesSent,
        messagesReceived: session.messagesReceived,
        queued: session.queued,
        resends: session.resends,
        replacements: session.replacements,
        rtt:
          p50 === undefined
            ? undefined
            : { p50, p95: roundTrips?.percentile(0.95) ?? p50, p99: roundTrips?.percentile(0.99) ?? p50 },
      })
    }
    return {
      peers: Object.fromEntries(peers),
      dials: this.#dials,
      dialing: gate.inFlight,
      waitingToDial: gate.waiting,
      resets: this.#resets,
      disconnected: Object.fromEntries(this.#disconnected),
      closed: Object.fromEntries(this.#closed),
      refused: Object.fromEntries(this.#refused),
      ...total,
    }
  }
}

const traffic = ['bytesSent', 'bytesReceived', 'framesSent', 'framesReceived'] as const

function count(counts: Map<string, number>, name: string): void {
  const known = counts.has(name) || counts.size < mostReasons ? name : 'other'
  counts.set(known, (counts.get(known) ?? 0) + 1)
}
