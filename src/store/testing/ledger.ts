import type { PeerId } from '../../wire/index.js'
import type { Version } from '../clock.js'
import type { SimulatedPeers } from './simulated-peers.js'
import type { Report } from './simulation-options.js'

/** A write that was acknowledged. */
export interface AcknowledgedWrite {
  readonly key: string
  readonly version: Version
  readonly deleted: boolean
  readonly durable: boolean
}

/**
 * All writes that were acknowledged, and whether they are kept: with two peers at least at every
 * moment as long as nobody crashes, and there in the end, unless the last copy went with a crash.
 */
export class Ledger {
  readonly #peers: SimulatedPeers
  readonly #mayLose: boolean
  readonly #report: Report
  /** The latest acknowledged write of each key. */
  readonly #latest = new Map<string, AcknowledgedWrite>()
  /** The latest version of each key that was acknowledged as durable. */
  readonly #durable = new Map<string, Version>()
  /** The latest state of each key that went with the last peer that held it, acknowledged by then or not. */
  readonly #crashed = new Map<string, Version>()
  acknowledged = 0

  /** @param mayLose - copies are taken away at any time, so that only the end tells what was lost */
  constructor(peers: SimulatedPeers, mayLose: boolean, report: Report) {
    this.#peers = peers
    this.#mayLose = mayLose
    this.#report = report
  }

  get durable(): number {
    return this.#durable.size
  }

  get deleted(): number {
    let deleted = 0
    for (const write of this.#latest.values()) if (write.deleted) deleted++
    return deleted
  }

  acknowledge(write: AcknowledgedWrite): void {
    const { key, version, durable } = write
    this.acknowledged++
    if (durable && version > (this.#durable.get(key) ?? '')) this.#durable.set(key, version)
    const copies = this.#copiesOf(key, version)
    if (copies < 2) this.#report('copies', `${key} was acknowledged with ${copies} copies`)
    const before = this.#latest.get(key)
    if (before === undefined || before.version < version) this.#latest.set(key, write)
  }

  /**
   * Whoever drops a copy of the acknowledged state leaves two at least, so that a single crash loses
   * nothing. An older state is not that copy: across a cut there may be fewer of the acknowledged
   * one for a while, as where a peer left and had only one other to hand it to.
   */
  dropped(id: PeerId, key: string, version: Version): void {
    const write = this.#latest.get(key)
    if (write === undefined || write.deleted || version < write.version) return
    const copies = this.#copiesOf(key, write.version)
    if (copies < 2) this.#report('copies', `${id} dropped ${key} and left ${copies} copies`)
  }

  /**
   * Takes down what only this peer holds, also what is not acknowledged yet: the answers of those that
   * crash may be on their way.
   */
  crashing(id: PeerId): void {
    for (const { key, version } of this.#peers.heldBy(id)) {
      const holders = this.#peers.holdersOf(key, version)
      if (holders.length === 1 && version > (this.#crashed.get(key) ?? '')) this.#crashed.set(key, version)
    }
  }

  /** Looks for every write in the end. */
  close(): { lost: number; explained: number } {
    let lost = 0
    let explained = 0
    for (const { key, version, deleted } of this.#latest.values()) {
      const latest = this.#peers.latest(key)
      const isThere = (since: Version) => (latest === undefined ? deleted : latest.version >= since)
      const found = latest?.version ?? 'nothing'
      const durable = this.#durable.get(key)
      if (durable !== undefined && !isThere(durable))
        this.#report('durable', `${key} was durable at ${durable}, there is ${found}`)
      // What was in the last page to crash may have come back from its storage.
      if (isThere(version)) continue
      lost++
      const isExplained = (this.#crashed.get(key) ?? '') >= version
      if (isExplained) explained++
      if (deleted && latest?.content != null) this.#report('deleted', `${key} was deleted and returned`)
      else if (!isExplained) this.#report('kept', `${key} lost ${version}, there is ${found}`)
    }
    return { lost, explained }
  }

  #copiesOf(key: string, version: Version): number {
    return this.#mayLose ? Number.POSITIVE_INFINITY : this.#peers.holdersOf(key, version).length
  }
}
