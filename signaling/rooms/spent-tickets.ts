import type { Runtime, Timer } from '../../src/runtime/index.js'
import type { Ticket } from './admission.js'
import type { Bus } from './bus.js'

/**
 * Spent tickets that are remembered here, the latest: about 20 MB. Who holds a token that names no peer can
 * spend it under any number of ids.
 */
export const mostSpent = 100_000

/** Milliseconds that the bus is asked to remember something at most: ten years, as a token may expire never. */
const longestMemory = 10 * 365 * 86_400_000

/** Tickets told to a bus that is back in one go, and milliseconds until the next: all of them within a second. */
const slice = { tickets: 1_000, pause: 10 }

/**
 * The tickets that peers have handed back with their goodbye. The bus remembers them for all instances; each
 * instance remembers itself those that it saw spent, which holds while the bus is lost, and tells them again to a bus that
 * is back and may have forgotten them.
 */
export class SpentTickets {
  readonly #runtime: Runtime
  readonly #bus: Bus
  /** Key → wall clock of its expiry. */
  readonly #spent = new Map<string, number>()
  #telling: Timer | undefined

  constructor(runtime: Runtime, bus: Bus) {
    this.#runtime = runtime
    this.#bus = bus
  }

  /** The ticket lets nobody in any more, here or at another instance. */
  spend(ticket: Ticket): void {
    this.#keep(ticket)
    this.#tell(ticket.key, ticket.expires)
  }

  /** Whether a ticket is spent, as far as can be known now; called exactly once. */
  isSpent(ticket: Ticket, settle: (answer: boolean) => void): void {
    if (this.#spent.has(ticket.key)) {
      settle(true)
      return
    }
    this.#bus.remembered(ticket.key, (answer) => {
      if (answer === true) this.#keep(ticket)
      settle(answer === true)
    })
  }

  /** The bus is back, and perhaps empty. */
  tellAgain(): void {
    this.#telling?.cancel()
    this.#tellSlice([...this.#spent.keys()], 0)
  }

  #tellSlice(keys: readonly string[], from: number): void {
    const end = from + slice.tickets
    for (const key of keys.slice(from, end)) {
      const expires = this.#spent.get(key)
      if (expires !== undefined) this.#tell(key, expires)
    }
    this.#telling =
      end < keys.length && this.#bus.connected
        ? this.#runtime.timer(slice.pause, () => this.#tellSlice(keys, end))
        : undefined
  }

  #tell(key: string, expires: number): void {
    const left = expires - this.#runtime.wallClock()
    if (left > 0) this.#bus.remember(key, Math.min(left, longestMemory))
  }

  #keep({ key, expires }: Ticket): void {
    const now = this.#runtime.wallClock()
    // From the oldest on and no further than needed: looking at all of them at every goodbye would be quadratic.
    for (const [old, until] of this.#spent) {
      if (until > now && this.#spent.size < mostSpent) break
      this.#spent.delete(old)
    }
    this.#spent.set(key, expires)
  }
}
