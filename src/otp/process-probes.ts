import type { Cluster } from '../mesh/index.js'
import { probeTimeout } from './names-timing.js'
import type { ProcessRef } from './ref.js'

/** What a probe found: `silent` where its peer gave no answer. */
export type Life = 'alive' | 'ended' | 'silent'

/** Asks other peers whether processes of theirs live; one question at a time for each, however many want to know. */
export class ProcessProbes {
  readonly #cluster: Cluster
  readonly #asking = new Map<string, ((life: Life) => void)[]>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Calls `tell` once, later. */
  ask(ref: ProcessRef, tell: (life: Life) => void): void {
    const key = `${ref.peer}/${ref.id}`
    const waiting = this.#asking.get(key)
    if (waiting !== undefined) {
      waiting.push(tell)
      return
    }
    const all = [tell]
    this.#asking.set(key, all)
    this.#cluster.request(ref.peer, { type: 'process.probe', process: ref.id }, probeTimeout, (outcome) => {
      this.#asking.delete(key)
      let life: Life = 'silent'
      if (outcome.kind === 'reply' && outcome.message.type === 'process.alive')
        life = outcome.message.alive ? 'alive' : 'ended'
      for (const each of all) each(life)
    })
  }

  /** As {@link ask} for several at once. */
  askAll(refs: readonly ProcessRef[], tell: (lives: readonly Life[]) => void): void {
    const lives: Life[] = refs.map(() => 'silent')
    let left = refs.length
    if (left === 0) tell(lives)
    for (const [index, ref] of refs.entries()) {
      this.ask(ref, (life) => {
        lives[index] = life
        if (--left === 0) tell(lives)
      })
    }
  }
}
