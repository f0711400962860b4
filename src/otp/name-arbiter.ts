import type { Cluster } from '../mesh/index.js'
import type { PeerId } from '../wire/index.js'
import { isHere } from './is-here.js'
import type { NameClaims } from './name-claims.js'
import { registrationTime } from './names-timing.js'
import { probe } from './process-probe.js'
import { ProcessRef, sameProcess } from './ref.js'

/** A name that was granted, and that its claimant has not told of yet. */
interface Reservation {
  readonly ref: ProcessRef
  /** The claimant has given up by then. */
  readonly until: number
}

/** What the arbiter needs of the names. */
export interface ArbiterWorld {
  readonly claims: NameClaims
  isEnded(ref: ProcessRef): boolean
  /** A process of another peer has ended. */
  ended(ref: ProcessRef): void
  /** Whether a process of this page has a name or is about to. */
  ours(ref: ProcessRef): boolean
}

/**
 * Decides for the names whose ring owner this peer is who of several claimants gets one. What it
 * grants is reserved, and nobody finds it, until the claimant itself tells everybody.
 */
export class NameArbiter {
  readonly #cluster: Cluster
  readonly #world: ArbiterWorld
  readonly #reservations = new Map<string, Reservation>()
  readonly #stops: (() => void)[] = []

  constructor(cluster: Cluster, world: ArbiterWorld) {
    this.#cluster = cluster
    this.#world = world
    const reply = (holder: ProcessRef | undefined) =>
      ({ type: 'process.claimed', holder: holder === undefined ? null : { ...holder } }) as const
    this.#stops.push(
      cluster.serve('process.claim', ({ name, process }, request) => {
        const claimant = new ProcessRef(request.from, process)
        this.#decide(name, claimant, undefined, (holder) => request.reply(reply(holder)))
      }),
      cluster.serve('process.reclaim', ({ name, process, ended }, request) => {
        const claimant = new ProcessRef(request.from, process)
        const gone = new ProcessRef(ended.peer, ended.id)
        this.#decide(name, claimant, gone, (holder) => request.reply(reply(holder)))
      }),
      cluster.on('down', ({ id }) => this.#forgetPeer(id)),
    )
  }

  /** The claimant has told of it itself, or given it up. */
  settled(name: string, ref: ProcessRef): void {
    const reservation = this.#reservations.get(name)
    if (reservation !== undefined && sameProcess(reservation.ref, ref)) this.#reservations.delete(name)
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }

  /**
   * Tells who has the name already, or nobody and reserves it.
   *
   * @param gone - a holder that the claimant says has ended: believed where that one's own peer is silent
   */
  #decide(
    name: string,
    claimant: ProcessRef,
    gone: ProcessRef | undefined,
    tell: (holder: ProcessRef | undefined) => void,
  ): void {
    /** Rivals that need not be asked again. */
    const passed: ProcessRef[] = []
    const look = (): void => {
      const ours = this.#rivals(name, claimant).find(
        (rival) => rival.peer === this.#cluster.self && this.#world.ours(rival),
      )
      if (ours !== undefined) {
        tell(ours)
        return
      }
      const rivals = this.#rivals(name, claimant).filter(
        (rival) => rival.peer !== this.#cluster.self && !passed.some((each) => sameProcess(each, rival)),
      )
      if (rivals.length === 0) {
        // Its end may have been heard of while others were asked.
        if (!this.#world.isEnded(claimant)) this.#reserve(name, claimant)
        tell(undefined)
        return
      }
      probe(this.#cluster, rivals, (lives) => {
        for (const [index, rival] of rivals.entries()) {
          const life = lives[index]
          if (life === 'ended') this.#world.ended(rival)
          else if (life === 'alive' || (isHere(this.#cluster, rival.peer) && !isSame(rival, gone))) {
            tell(rival)
            return
          }
          passed.push(rival)
        }
        // Another may have been granted the name meanwhile.
        look()
      })
    }
    look()
  }

  /** Others that may have the name. The claimant's own page has seen to those of its own. */
  #rivals(name: string, claimant: ProcessRef): ProcessRef[] {
    const reservation = this.#reservations.get(name)
    const rivals = [...this.#world.claims.of(name)]
    if (reservation !== undefined && reservation.until > this.#cluster.runtime.now())
      rivals.push(reservation.ref)
    return rivals.filter((rival) => rival.peer !== claimant.peer && !this.#world.isEnded(rival))
  }

  #reserve(name: string, ref: ProcessRef): void {
    const now = this.#cluster.runtime.now()
    // Moved to the end: the oldest come first, and only those can have run out.
    this.#reservations.delete(name)
    for (const [old, { until }] of this.#reservations) {
      if (until > now) break
      this.#reservations.delete(old)
    }
    this.#reservations.set(name, { ref, until: now + registrationTime })
  }

  #forgetPeer(peer: PeerId): void {
    for (const [name, { ref }] of this.#reservations) if (ref.peer === peer) this.#reservations.delete(name)
  }
}

function isSame(ref: ProcessRef, other: ProcessRef | undefined): boolean {
  return other !== undefined && sameProcess(ref, other)
}
