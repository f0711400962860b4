import { shutdown } from './exit.js'
import type { PlacedHost } from './placed-host.js'
import type { PlacedMoves } from './placed-moves.js'
import type { PlacedState } from './placed-state.js'
import { requestTimeout, retryDelay } from './placed-timing.js'

/** Leaving of our own will: all that runs here is handed over, or at least written down. Then `done`. */
export function depart(state: PlacedState, host: PlacedHost, moves: PlacedMoves, done: () => void): void {
  const { instances } = state
  const { runtime } = state.cluster
  instances.onEmpty = () => {
    instances.onEmpty = undefined
    flush(state, done)
  }
  if (instances.size === 0) {
    instances.onEmpty()
    return
  }
  moves.rebalance()
  for (const instance of instances.values()) {
    const { process } = instance
    if (instance.state !== 'running' || process === undefined) continue
    // Nobody can host it: its record is all that stays.
    process.deliver({
      kind: 'snapshot',
      done: (snapshot) =>
        host.save(instance, snapshot, () => {
          instances.forget(instance)
          state.world.signal(process, shutdown)
        }),
    })
  }
  // What was starting is handed over when it runs.
  const again = (): void => {
    if (instances.onEmpty === undefined) return
    moves.rebalance()
    runtime.timer(retryDelay, again)
  }
  runtime.timer(retryDelay, again)
}

/**
 * Waits for an answer of every peer: what they sent before they heard of the new owners has then
 * arrived here, and been forwarded.
 */
function flush({ cluster }: PlacedState, done: () => void): void {
  const peers = cluster.members().filter(({ id }) => id !== cluster.self)
  let waiting = peers.length
  if (waiting === 0) done()
  for (const { id } of peers) {
    cluster.request(id, { type: 'process.probe', process: '0' }, requestTimeout, () => {
      if (--waiting === 0) done()
    })
  }
}
