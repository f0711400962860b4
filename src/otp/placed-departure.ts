import type { Runtime } from '../runtime/index.js'
import { shutdown } from './exit.js'
import type { Instance } from './placed-instance.js'
import type { PlacedMoves } from './placed-moves.js'
import type { PlacedRemains } from './placed-remains.js'
import type { PlacedSnapshots } from './placed-snapshots.js'
import type { PlacedState } from './placed-state.js'
import { requestTimeout, retryDelay } from './placed-timing.js'
import type { ServerProcess } from './server-process.js'

/**
 * Leaving of our own will: all that runs here is handed over, or at least written down, and so is what one held that
 * was fenced. Then `done`.
 */
export function depart(
  state: PlacedState,
  snapshots: PlacedSnapshots,
  moves: PlacedMoves,
  remains: PlacedRemains,
  done: () => void,
): void {
  const { instances } = state
  const { runtime } = state.cluster
  const written = new WeakSet<ServerProcess>()
  instances.onEmpty = () => {
    instances.onEmpty = undefined
    handOn(runtime, remains, () => flush(state, done))
  }
  if (instances.size === 0) {
    instances.onEmpty()
    return
  }
  const handOver = (): void => {
    if (instances.onEmpty === undefined) return
    moves.rebalance()
    for (const instance of [...instances.values()]) {
      const { process } = instance
      if (instance.state !== 'running' || process === undefined || written.has(process)) continue
      written.add(process)
      writeDown(state, snapshots, instance, process)
    }
    // What was starting is handed over when it runs, and what was on its way to one that leaves too is written down.
    runtime.timer(retryDelay, handOver)
  }
  handOver()
}

/** Waits for what fenced processes held to be on its way no more; not for long, as nobody may be left to take it. */
function handOn(runtime: Runtime, remains: PlacedRemains, done: () => void): void {
  let isOver = false
  const over = (): void => {
    if (isOver) return
    isOver = true
    bound.cancel()
    done()
  }
  const bound = runtime.timer(requestTimeout, over)
  remains.whenBrought(over)
}

/** Nobody can host it: its record is all that stays. */
function writeDown(
  { instances, world }: PlacedState,
  snapshots: PlacedSnapshots,
  instance: Instance,
  process: ServerProcess,
): void {
  snapshots.write(instance, process, () => {
    instances.forget(instance)
    world.signal(process, shutdown)
  })
}

/**
 * Waits for an answer of every peer: what they sent before they heard of the new owners has then
 * arrived here, and been forwarded. Where nobody stays there are no new owners.
 */
function flush({ cluster }: PlacedState, done: () => void): void {
  const others = cluster.members().filter(({ id }) => id !== cluster.self)
  const peers = others.every(({ state }) => state === 'leaving') ? [] : others
  let waiting = peers.length
  if (waiting === 0) done()
  for (const { id } of peers) {
    cluster.request(id, { type: 'process.probe', process: '0' }, requestTimeout, () => {
      if (--waiting === 0) done()
    })
  }
}
