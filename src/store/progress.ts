import type { Runtime, Timer } from '../runtime/index.js'
import type { Balancer } from './balancer.js'
import type { Carrier } from './carrier.js'

/** Milliseconds between two reports: often enough for a bar that moves. */
const reportEvery = 250

/** How far the moving of copies has come. */
export interface TransferProgress {
  /** Keys that are still to be brought to others. */
  readonly waiting: number
  /** Keys and bytes sent since the start. */
  readonly sent: number
  readonly bytesSent: number
}

/** Tells how far the moving of copies has come, from when it begins until it is over. */
export class Progress {
  readonly #runtime: Runtime
  readonly #carrier: Carrier
  readonly #balancer: Balancer
  readonly #tell: (progress: TransferProgress) => void
  #timer: Timer | undefined
  #told = -1
  #isClosed = false

  constructor(
    runtime: Runtime,
    carrier: Carrier,
    balancer: Balancer,
    tell: (progress: TransferProgress) => void,
  ) {
    this.#runtime = runtime
    this.#carrier = carrier
    this.#balancer = balancer
    this.#tell = tell
  }

  /** Copies may be moving: reports until they have arrived. */
  follow(): void {
    if (this.#isClosed) return
    this.#timer ??= this.#runtime.timer(reportEvery, () => {
      this.#timer = undefined
      const { sent, bytesSent, waiting: carried } = this.#carrier.stats
      const waiting = carried + this.#balancer.waiting
      if (sent !== this.#told) this.#tell({ waiting, sent, bytesSent })
      this.#told = sent
      if (waiting > 0) this.follow()
    })
  }

  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
  }
}
