import type { PeerId } from '../wire/index.js'
import type { Report } from './assignment.js'
import type { Held } from './desk.js'

/** A result that its coordinator has not noted yet. */
export interface Finished {
  report: Report & { kind: 'done' | 'failed' }
  saidAt: number
  /** Past it the coordinator has long taken the task back, and the result is of no use. */
  readonly until: number
}

/** All that is held, and all that is finished and not noted, of one coordinator. */
export interface Client {
  readonly held: Map<number, Held>
  readonly finished: Map<number, Finished>
}

/** What an executor has of each coordinator. */
export class Clients {
  readonly #self: PeerId
  readonly #clients = new Map<PeerId, Client>()

  constructor(self: PeerId) {
    this.#self = self
  }

  find(coordinator: PeerId): Client | undefined {
    return this.#clients.get(coordinator)
  }

  /** Made when it is not there yet. */
  get(coordinator: PeerId): Client {
    let client = this.#clients.get(coordinator)
    if (client === undefined) {
      client = { held: new Map(), finished: new Map() }
      this.#clients.set(coordinator, client)
    }
    return client
  }

  /** Every coordinator that has something here. */
  peers(): PeerId[] {
    return [...this.#clients.keys()]
  }

  /** The coordinators on other peers: those that are to hear from us while they have something here. */
  *others(): IterableIterator<[coordinator: PeerId, client: Client]> {
    for (const entry of this.#clients) if (entry[0] !== this.#self) yield entry
  }

  /** Forgets a coordinator that has nothing here any more. */
  forgetIdle(coordinator: PeerId): void {
    const client = this.#clients.get(coordinator)
    if (client !== undefined && client.held.size + client.finished.size === 0) {
      this.#clients.delete(coordinator)
    }
  }

  /** Whether another peer has something here: a lease to renew, or a result to be noted. */
  hasOthers(): boolean {
    for (const [, { held, finished }] of this.others()) if (held.size + finished.size > 0) return true
    return false
  }

  /** Whether nothing is held, and other peers have noted every result. */
  isIdle(): boolean {
    for (const [coordinator, client] of this.#clients) {
      if (client.held.size > 0 || (coordinator !== this.#self && client.finished.size > 0)) return false
    }
    return true
  }
}
