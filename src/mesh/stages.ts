import type { Runtime, Timer } from '../runtime/index.js'

type Work = (done: () => void) => void

interface Piece {
  readonly work: Work
  readonly mayBeSpared: boolean
}

/** Pieces of work that must be done before a peer goes on to the next stage of its life, all bounded by one time. */
export class Stage {
  readonly #pieces: Piece[] = []

  /** @param mayBeSpared - whether it is not waited for any more once the others are spared */
  add(work: Work, mayBeSpared = false): void {
    this.#pieces.push({ work, mayBeSpared })
  }

  /**
   * Starts all works and calls `finished` once: when all are done, or `bound` milliseconds later,
   * when `late` tells how many were not.
   *
   * @returns the way to wait from now on for those alone that may not be spared
   */
  run(runtime: Runtime, bound: number, finished: (late: number) => void): () => void {
    const open = new Set(this.#pieces)
    let over = false
    let timer: Timer | undefined
    const finish = (late: number): void => {
      if (over) return
      over = true
      timer?.cancel()
      finished(late)
    }
    timer = runtime.timer(open.size === 0 ? 0 : bound, () => finish(open.size))
    const done = (piece: Piece): void => {
      if (open.delete(piece) && open.size === 0) finish(0)
    }
    for (const piece of this.#pieces) piece.work(() => done(piece))
    return () => {
      for (const piece of [...open]) if (piece.mayBeSpared) done(piece)
    }
  }
}
