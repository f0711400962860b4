import { packValue } from '../wire/index.js'
import type { PlacedState } from './placed-state.js'
import { requestTimeout, retryDelay } from './placed-timing.js'

/** Milliseconds for which it is tried to hand the state of a fenced process on: the longest silence before a death is known. */
const longestTrying = 30_000

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

  constructor(state: PlacedState) {
    this.#state = state
  }

  /** Calls `done` when it is in good hands, or cannot be brought to anybody, which is logged. */
  bring(remains: Remains, done: () => void): void {
    const { cluster } = this.#state
    const end = cluster.runtime.now() + longestTrying
    const attempt = (): void => {
      if (cluster.runtime.now() >= end) {
        const { placed, key } = remains
        cluster.runtime.log('error', 'what a fenced process held could not be merged', { placed, key })
        done()
      } else if (this.#giveHere(remains)) done()
      else this.#giveAway(remains, done, () => void cluster.runtime.timer(retryDelay, attempt))
    }
    attempt()
  }

  /** Merges it into the process of this peer, if there is one that stays. */
  #giveHere({ placed, key, snapshot }: Remains): boolean {
    const instance = this.#state.instances.get(placed, key)
    if (instance?.state !== 'running' || instance.process === undefined) return false
    instance.process.deliver({ kind: 'merge', snapshot })
    return true
  }

  #giveAway(remains: Remains, done: () => void, again: () => void): void {
    const { cluster, directory } = this.#state
    const { placed, key } = remains
    const owner = directory.ownerOf(placed, key)
    if (owner === undefined || owner === cluster.self) {
      again()
      return
    }
    const message = takeMessage(remains)
    if (message === undefined) {
      done()
      return
    }
    cluster.request(owner, message, requestTimeout, (outcome) => {
      const taken =
        outcome.kind === 'reply' &&
        outcome.message.type === 'placed.ensured' &&
        outcome.message.elsewhere === null
      if (taken) done()
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
