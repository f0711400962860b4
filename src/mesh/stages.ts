import type { Runtime, Timer } from '../runtime/index.js'

type Work = (done: () => void) => void

/** Pieces of work that must be done before a peer goes on to the next stage of its life, all bounded by one time. */
export class Stage {
  readonly #works: Work[] = []

  add(work: Work): void {
    this.#works.push(work)
  }

  /**
   * Starts all works and calls `finished` once: when all are done, or `bound` milliseconds later,
   * when `late` tells how many were not.
   */
  run(runtime: Runtime, bound: number, finished: (late: number) => void): void {
    let open = this.#works.length
    let over = false
    let timer: Timer | undefined
    const finish = (late: number): void => {
      if (over) return
      over = true
      timer?.cancel()
      finished(late)
    }
    timer = runtime.timer(open === 0 ? 0 : bound, () => finish(open))
    for (const work of this.#works) {
      let done = false
      work(() => {
        if (done) return
        done = true
        if (--open === 0) finish(0)
      })
    }
  }
}
