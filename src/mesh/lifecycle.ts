import type { Membership } from '../membership/index.js'
import type { Runtime } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import { alonePatience, goodbyeFlush, joiningBound, leavingBound } from './constants.js'
import { Greeting } from './greeting.js'
import { Stage } from './stages.js'

export interface LifecycleOptions {
  readonly runtime: Runtime
  /** Told of every step, so that the others are. */
  readonly membership: Pick<Membership, 'ready' | 'park' | 'unpark' | 'leaving' | 'left'>
  /** Whether any other peer is here that does not leave itself. */
  readonly othersStay: () => boolean
  /** When a peer was last called dead. */
  readonly lastDeath: () => number
  /** This peer is `alive` and holds its ranges. Called once. */
  readonly joined: () => void
  /** The goodbye is said: close what is open. Called once. */
  readonly closed: () => void
}

/**
 * A peer's life in the mesh, each stage at most once:
 *
 * ```
 * new ──▶ greeting ──▶ joining ──▶ joined ──▶ leaving ──▶ gone
 *         who is here  pull the    take part  hand over   goodbye
 *                      state
 * ```
 *
 * It may leave from every stage, and be gone from every stage at once.
 */
export class Lifecycle {
  readonly #options: LifecycleOptions
  readonly #greeting: Greeting
  readonly #joining = new Stage()
  readonly #leaving = new Stage()
  #stage: 'new' | 'greeting' | 'joining' | 'joined' | 'leaving' | 'gone' = 'new'
  #isHidden = false
  /** Ends the wait, on leaving, for what others would have to take. */
  #spareOthers: (() => void) | undefined

  constructor(options: LifecycleOptions) {
    this.#options = options
    this.#greeting = new Greeting(options.runtime, () => this.#join())
  }

  get isNew(): boolean {
    return this.#stage === 'new'
  }

  get hasGone(): boolean {
    return this.#stage === 'gone'
  }

  onJoining(work: (done: () => void) => void): void {
    this.#joining.add(work)
  }

  /** @param alsoAlone - whether the work is done though nobody stays that something could be handed to */
  onLeaving(work: (done: () => void) => void, alsoAlone = false): void {
    this.#leaving.add(work, !alsoAlone)
  }

  /** Enters the room: nothing counts before {@link welcomed}. */
  start(): void {
    if (this.#stage === 'new') this.#stage = 'greeting'
  }

  /** The signalling server has let this peer in, and names the others that are in the room. */
  welcomed(others: Iterable<PeerId>): void {
    if (this.#stage === 'greeting') this.#greeting.begin(others)
  }

  /** A peer that was in the room has answered, or there is no answer to wait for. */
  greeted(peer: PeerId): void {
    this.#greeting.answered(peer)
  }

  /** The page is hidden: keep what is held and answer, but take on nothing new. */
  park(): void {
    this.#isHidden = true
    if (this.#stage === 'joined') this.#options.membership.park()
  }

  /** The page is seen again. */
  unpark(): void {
    this.#isHidden = false
    if (this.#stage === 'joined') this.#options.membership.unpark()
  }

  /** Hands over what this peer holds, says goodbye, and calls `gone`. */
  leave(gone: () => void): void {
    const { runtime, membership } = this.#options
    if (this.#stage === 'leaving' || this.#stage === 'gone') {
      runtime.timer(0, gone)
      return
    }
    this.#stage = 'leaving'
    membership.leaving()
    this.#spareOthers = this.#leaving.run(runtime, leavingBound, (late) => {
      this.#spareOthers = undefined
      if (late > 0) runtime.log('warn', `left before ${late} rooms had handed over`)
      this.goodbye()
      // Who hears `gone` may end the process, and the goodbye is still in the buffers of the links.
      runtime.timer(goodbyeFlush, gone)
    })
    this.stopIfAlone()
  }

  /**
   * A peer that leaves waits for nobody when nobody stays: there is no one to hand over to. It waits
   * a little where the last one was called dead just now, as when a cut heals that comes before the
   * others say that they live. To be called whenever a member changed.
   */
  stopIfAlone(): void {
    const { runtime, othersStay, lastDeath } = this.#options
    if (this.#spareOthers === undefined || othersStay()) return
    const wait = lastDeath() + alonePatience - runtime.now()
    if (wait > 0) runtime.timer(wait, () => this.stopIfAlone())
    else this.#spareOthers()
  }

  /** Says goodbye and is gone at once, as a page that is being closed must. */
  goodbye(): void {
    if (this.#stage === 'gone') return
    this.#options.membership.left()
    this.#stage = 'gone'
    this.#greeting.cancel()
    this.#options.closed()
  }

  /** Everyone who was here has answered, or the time for it is over: pull the state, then be alive. */
  #join(): void {
    if (this.#stage !== 'greeting') return
    this.#stage = 'joining'
    const { runtime, membership, joined } = this.#options
    this.#joining.run(runtime, joiningBound, (late) => {
      if (this.#stage !== 'joining') return
      if (late > 0) runtime.log('warn', `joined before ${late} rooms had caught up`)
      this.#stage = 'joined'
      membership.ready()
      // A tab may have been opened in the background.
      if (this.#isHidden) membership.park()
      joined()
    })
  }
}
