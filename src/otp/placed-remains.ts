import { packValue } from '../wire/index.js'
import type { PlacedState } from './placed-state.js'
import { requestTimeout, retryDelay } from './placed-timing.js'

/**
 * Milliseconds of a page that is awake for which it is tried to hand on what a fenced process held: twice the 47 s in
 * which one that should take it may die, which is known after 22 s, the next write down its epoch, which takes three
 * tries of 5 s and the pauses between, and be asked, for 8 s.
 */
const longestTrying = 100_000

/** Milliseconds between two tries at most: they double from one to the next. */
const longestDelay = 1_000

/** Milliseconds from one try to the next where nothing keeps the page from it. */
const longestTry = requestTimeout + longestDelay

/** What a process held that had to stop because another runs in its place. */
export interface Remains {
  readonly placed: string
  readonly key: string
  /** The epoch that it ran in. */
  readonly epoch: number
  readonly args: unknown
  readonly snapshot: unknown
}

/**
 * Brings what a fenced process held to the one that goes on in its place, to be merged there. That
 * one may be about to move, or to start on this very peer, so the key is followed and not the
 * process. It may come twice where an answer was lost.
 */
export class PlacedRemains {
  readonly #state: PlacedState
  /** How many processes may have left something behind that is not in good hands yet. */
  #underWay = 0
  #onBrought: (() => void) | undefined

  constructor(state: PlacedState) {
    this.#state = state
  }

  /**
   * A process stops, or may have to, and what it holds is not known yet: to be called once with that, which is brought
   * until it is in good hands, or cannot be brought to anybody, which is logged; with undefined where there is nothing.
   */
  expect(): (remains: Remains | undefined) => void {
    this.#underWay++
    return (remains) => {
      if (remains === undefined) this.#end()
      else this.#bring(remains)
    }
  }

  /** Calls `done` when nothing is on its way any more. Only one may wait at a time, as a page leaves but once. */
  whenBrought(done: () => void): void {
    if (this.#underWay === 0) done()
    else this.#onBrought = done
  }

  #bring(remains: Remains): void {
    const { runtime } = this.#state.cluster
    let left = longestTrying
    let delay = retryDelay
    let before = runtime.now()
    const attempt = (): void => {
      const now = runtime.now()
      // A page that slept has not tried meanwhile.
      left -= Math.min(now - before, longestTry)
      before = now
      if (this.#giveHere(remains)) this.#end()
      else if (left <= 0 || this.#state.isClosed) {
        const { placed, key } = remains
        runtime.log('error', 'what a fenced process held could not be merged', { placed, key })
        this.#end()
      } else
        this.#giveAway(remains, () => {
          runtime.timer(delay, attempt)
          delay = Math.min(2 * delay, longestDelay)
        })
    }
    attempt()
  }

  #end(): void {
    this.#underWay--
    if (this.#underWay > 0) return
    const done = this.#onBrought
    this.#onBrought = undefined
    done?.()
  }

  /** Merges it into the process of this peer, if there is one that stays. */
  #giveHere({ placed, key, snapshot }: Remains): boolean {
    const instance = this.#state.instances.get(placed, key)
    if (instance?.state !== 'running' || instance.process === undefined) return false
    instance.process.deliver({ kind: 'merge', snapshot })
    return true
  }

  #giveAway(remains: Remains, again: () => void): void {
    const { cluster, directory } = this.#state
    const { placed, key } = remains
    const owner = directory.ownerOf(placed, key)
    if (owner === undefined || owner === cluster.self) {
      again()
      return
    }
    const message = takeMessage(remains)
    if (message === undefined) {
      this.#end()
      return
    }
    cluster.request(owner, message, requestTimeout, (outcome) => {
      const taken =
        outcome.kind === 'reply' &&
        outcome.message.type === 'placed.ensured' &&
        outcome.message.elsewhere === null
      if (taken) this.#end()
      else again()
    })
  }
}

/** Undefined where it cannot be packed, as no other peer can have it then. */
function takeMessage({ placed, key, epoch, args, snapshot }: Remains) {
  try {
    const packed = { args: packValue(args), snapshot: packValue(snapshot), sequences: packValue([]) }
    return { type: 'placed.take', placed, key, epoch, ...packed } as const
  } catch {
    return undefined
  }
}
