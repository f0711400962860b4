import type { Runtime, Timer } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import { greetingBound } from './constants.js'

/**
 * The wait for those who were in the room when this peer came: from their answers it learns who else is here, which it
 * must before it pulls the state of its ranges. It is over once, when each has answered or is known not to be there,
 * or after `greetingBound`.
 */
export class Greeting {
  readonly #runtime: Runtime
  readonly #over: () => void
  /** Those that have not answered yet. */
  #awaited: Set<PeerId> | undefined
  #timer: Timer | undefined

  constructor(runtime: Runtime, over: () => void) {
    this.#runtime = runtime
    this.#over = over
  }

  /** Only the first call counts: who comes to the room later is not waited for. */
  begin(peers: Iterable<PeerId>): void {
    if (this.#awaited !== undefined) return
    this.#awaited = new Set(peers)
    this.#timer = this.#runtime.timer(greetingBound, () => this.#end())
    if (this.#awaited.size === 0) this.#end()
  }

  /** The peer has answered, or there is no answer to wait for. */
  answered(peer: PeerId): void {
    this.#awaited?.delete(peer)
    if (this.#awaited?.size === 0) this.#end()
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #end(): void {
    if (this.#timer === undefined) return
    this.cancel()
    this.#over()
  }
}
