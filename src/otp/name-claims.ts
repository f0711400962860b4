import type { PeerId } from '../wire/index.js'
import { type ProcessRef, sameProcess } from './ref.js'

/**
 * Who claims which name, as far as this peer has heard. Most names have one claim. For a moment there
 * may be more: the word that one process has ended and the word that the next has its name come from
 * two peers, in any order; and after a partition both sides come with theirs. All peers hold the
 * smallest ref for the holder, so all hold the same.
 */
export class NameClaims {
  readonly #claims = new Map<string, ProcessRef[]>()

  get size(): number {
    return this.#claims.size
  }

  /** Who has it. */
  holder(name: string): ProcessRef | undefined {
    return this.#claims.get(name)?.[0]
  }

  /** All that claim it, the holder first. */
  of(name: string): readonly ProcessRef[] {
    return this.#claims.get(name) ?? []
  }

  /** Names and their holders, in the order of the names. */
  entries(): [string, ProcessRef][] {
    return [...this.#claims]
      .map(([name, claims]): [string, ProcessRef] => [name, claims[0] as ProcessRef])
      .sort(([a], [b]) => (a < b ? -1 : 1))
  }

  add(name: string, ref: ProcessRef): void {
    const claims = this.#claims.get(name)
    if (claims === undefined) this.#claims.set(name, [ref])
    else if (!claims.some((claim) => sameProcess(claim, ref)))
      claims.splice(claims.filter((claim) => isBefore(claim, ref)).length, 0, ref)
  }

  remove(name: string, ref: ProcessRef): void {
    this.#keep(name, (claim) => !sameProcess(claim, ref))
  }

  /** Forgets the claims that do not pass. */
  #keep(name: string, passes: (claim: ProcessRef) => boolean): void {
    const claims = this.#claims.get(name)?.filter(passes) ?? []
    if (claims.length === 0) this.#claims.delete(name)
    else this.#claims.set(name, claims)
  }

  /** A peer is gone, and its processes with it. */
  removePeer(peer: PeerId): void {
    for (const name of [...this.#claims.keys()]) this.#keep(name, (claim) => claim.peer !== peer)
  }
}

function isBefore(a: ProcessRef, b: ProcessRef): boolean {
  return a.peer === b.peer ? Number(a.id) < Number(b.id) : a.peer < b.peer
}
