import type { PeerId } from '../wire/index.js'
import type { Assignment } from './assignment.js'
import { PriorityQueue, type Queueable } from './priority-queue.js'
import type { Progress } from './progress.js'
import type { Run, Runner } from './runner.js'
import { settings } from './settings.js'

/** A definition that this peer made. */
export interface Definition {
  readonly name: string
  readonly concurrency: number
  /** Share of the turns; undefined: the peer's weight in the cluster. */
  readonly weight: number | undefined
  readonly runner: Runner
}

/** An assignment from when it is taken until it has ended here. */
export interface Held extends Queueable {
  readonly coordinator: PeerId
  readonly task: number
  attempt: number
  readonly assignment: Assignment
  readonly desk: Desk
  run: Run | undefined
  startedAt: number
  aborted: boolean
  /** Undefined when nobody listens to it. */
  readonly progress: Progress | undefined
}

/** One definition and what is held of it. */
export class Desk {
  readonly definition: Definition
  readonly waiting = new PriorityQueue<Held>()
  running = 0
  /** How many are held for each coordinator. */
  readonly #shares = new Map<PeerId, number>()

  constructor(definition: Definition) {
    this.definition = definition
  }

  /** How many runs may be started and not ended. */
  get capacity(): number {
    return this.definition.concurrency * this.definition.runner.depth
  }

  /** The credit that a coordinator has: an equal share of it while several want it. */
  credit(coordinator: PeerId): number {
    const others = this.#shares.size - (this.#shares.has(coordinator) ? 1 : 0)
    const total = this.capacity * settings.creditFactor
    return Math.min(settings.mostCredit, Math.max(1, Math.ceil(total / (others + 1))))
  }

  /** Whether a coordinator has all that it may. What was granted is honoured, also when the grant has since been lowered for others. */
  isFullFor(coordinator: PeerId): boolean {
    const granted = this.capacity * settings.creditFactor
    return (this.#shares.get(coordinator) ?? 0) >= granted
  }

  /** One more is held for a coordinator. */
  took(coordinator: PeerId): void {
    this.#shares.set(coordinator, (this.#shares.get(coordinator) ?? 0) + 1)
  }

  /** One less is held for a coordinator. */
  released(coordinator: PeerId): void {
    const share = (this.#shares.get(coordinator) ?? 1) - 1
    if (share === 0) this.#shares.delete(coordinator)
    else this.#shares.set(coordinator, share)
  }
}
