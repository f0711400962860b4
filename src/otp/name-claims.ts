import type { PeerId } from '../wire/index.js'
import { type ProcessRef, sameProcess } from './ref.js'

/**
 * Who claims which name, as far as this peer has heard. Most names have one claim. For a moment there
 * may be more: the word that one process has ended and the word that the next has its name come from
 * two peers, in any order; and after a partition both sides come with theirs. All peers hold the
 * smallest ref for the holder, so all hold the same. A peer has one claim to a name at a time.
 */
export class NameClaims {
  readonly #claims = new Map<string, ProcessRef[]>()
  /** By peer and number: what each process claims. */
  readonly #names = new Map<PeerId, Map<string, Set<string>>>()

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

  has(name: string, ref: ProcessRef): boolean {
    return this.ofPeerTo(name, ref.peer)?.id === ref.id
  }

  /** Names and their holders, in the order of the names. */
  entries(): [string, ProcessRef][] {
    return this.all().filter(([name, ref]) => this.holder(name) === ref)
  }

  /** Every claim there is, in the order of the names. */
  all(): [string, ProcessRef][] {
    return [...this.#claims]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name, claims]) => claims.map((claim): [string, ProcessRef] => [name, claim]))
  }

  /** What the processes of one peer claim, in the order of the names. */
  ofPeer(peer: PeerId): [string, ProcessRef][] {
    const names = [...(this.#names.get(peer)?.values() ?? [])].flatMap((each) => [...each])
    return names.sort().map((name) => [name, this.ofPeerTo(name, peer) as ProcessRef])
  }

  /** The claim of a process of `peer` to a name. */
  ofPeerTo(name: string, peer: PeerId): ProcessRef | undefined {
    return this.of(name).find((claim) => claim.peer === peer)
  }

  /** Enters a claim in place of any other that its peer has to the name. */
  add(name: string, ref: ProcessRef): void {
    const former = this.ofPeerTo(name, ref.peer)
    if (former !== undefined && sameProcess(former, ref)) return
    if (former !== undefined) this.remove(name, former)
    const claims = this.#claims.get(name)
    if (claims === undefined) this.#claims.set(name, [ref])
    else claims.splice(claims.filter(({ peer }) => peer < ref.peer).length, 0, ref)
    const ofPeer = this.#names.get(ref.peer) ?? new Map<string, Set<string>>()
    this.#names.set(ref.peer, ofPeer.set(ref.id, (ofPeer.get(ref.id) ?? new Set()).add(name)))
  }

  remove(name: string, ref: ProcessRef): void {
    const claims = this.of(name).filter((claim) => !sameProcess(claim, ref))
    if (claims.length === 0) this.#claims.delete(name)
    else this.#claims.set(name, claims)
    const ofPeer = this.#names.get(ref.peer)
    const names = ofPeer?.get(ref.id)
    names?.delete(name)
    if (names?.size === 0) ofPeer?.delete(ref.id)
    if (ofPeer?.size === 0) this.#names.delete(ref.peer)
  }

  /** A process has ended. */
  removeProcess(ref: ProcessRef): void {
    for (const name of [...(this.#names.get(ref.peer)?.get(ref.id) ?? [])]) this.remove(name, ref)
  }

  /** A peer is gone, and its processes with it. */
  removePeer(peer: PeerId): void {
    for (const [name, ref] of this.ofPeer(peer)) this.remove(name, ref)
  }
}
