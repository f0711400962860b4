import type { Cluster, Outcome } from '../mesh/index.js'
import type { Timer } from '../runtime/index.js'
import type { Message, PeerId } from '../wire/index.js'
import { busyPause, namesTimeout } from './names-timing.js'

/** Milliseconds between two tries at most: a hidden page may be frozen for minutes, and finds all of them in its queue. */
const longestPause = 16_000

/**
 * Asks a peer until it answers, refuses for good, or is gone. `message` is called for each try, as
 * what it says may have changed. Returns the way to give it up.
 */
export function untilAnswered(
  cluster: Cluster,
  peer: PeerId,
  message: () => Message,
  settle: (outcome: Outcome) => void,
): () => void {
  let pause: Timer | undefined
  let giveUp = (): void => {}
  const ask = (timeout: number): void => {
    giveUp = cluster.request(peer, message(), timeout, (outcome) => {
      const next = Math.min(timeout * 2, longestPause)
      if (outcome.kind === 'timeout') ask(next)
      else if (isBusy(outcome)) pause = cluster.runtime.timer(busyPause, () => ask(timeout))
      else settle(outcome)
    })
  }
  ask(namesTimeout)
  return () => {
    pause?.cancel()
    giveUp()
  }
}

/** Whether the peer, or the queue to it, only had no room at the moment. */
export function isBusy(outcome: Outcome): boolean {
  return outcome.kind === 'refused' && outcome.reason === 'busy'
}
