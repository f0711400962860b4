import type { Cluster, MemberState } from '../mesh/index.js'
import type { PeerId } from '../wire/index.js'
import { isHere } from './is-here.js'
import { type Epoch, isBelievable, isLater } from './placed-epoch.js'
import { nameOf } from './placed-instance.js'

/** Where a placed process runs, as far as this peer has heard. */
export interface Place extends Epoch {
  readonly process: string
}

/**
 * Characters of all that is remembered to run somewhere, which is some 300,000 processes with names of usual length.
 * A member may make up any number of them; past this those that were heard of longest ago are forgotten, but for our
 * own, and looked for where their keys say, as that is where they should run.
 */
const mostCharacters = 32 * 1024 * 1024

/** Past it so much is kept, so that it is not gone through for each one that comes. */
const keptCharacters = 24 * 1024 * 1024

/** What one takes beside its name, as characters. */
const placeCharacters = 64

/** Epochs of what has ended that are remembered; the oldest are forgotten first. */
const mostEpochs = 10_000

/** What this peer knows of who can host what, and of what runs where. */
export class PlacedDirectory {
  readonly #cluster: Cluster
  /** What this peer can host. */
  readonly #canHost: (placed: string) => boolean
  /** What the other peers can host. */
  readonly #hosts = new Map<PeerId, ReadonlySet<string>>()
  readonly #states = new Map<PeerId, MemberState>()
  readonly #places = new Map<string, Place>()
  #characters = 0
  /** Epochs later than that of the place that is known, or without any: a next one must be later. */
  readonly #epochs = new Map<string, Epoch>()

  constructor(cluster: Cluster, canHost: (placed: string) => boolean) {
    this.#cluster = cluster
    this.#canHost = canHost
  }

  /** How much of {@link mostCharacters} is in use. */
  get characters(): number {
    return this.#characters
  }

  /** Where it runs, as was last heard; its owner may be gone since. */
  get(placed: string, key: string): Place | undefined {
    return this.#places.get(nameOf(placed, key))
  }

  /** It runs there. An epoch that was heard of before is not forgotten for an earlier one. */
  set(placed: string, key: string, place: Place): void {
    const latest = this.latest(placed, key)
    const name = nameOf(placed, key)
    this.#forget(name)
    this.#places.set(name, place)
    this.#characters += name.length + placeCharacters
    this.#remember(placed, key, latest)
    if (this.#characters > mostCharacters) this.#forgetOldest()
  }

  /** It runs nowhere that is known; its epochs stay known. */
  delete(placed: string, key: string): void {
    const latest = this.latest(placed, key)
    this.#forget(nameOf(placed, key))
    this.#remember(placed, key, latest)
  }

  #forget(name: string): void {
    if (this.#places.delete(name)) this.#characters -= name.length + placeCharacters
  }

  #forgetOldest(): void {
    for (const [name, { owner }] of this.#places) {
      if (this.#characters <= keptCharacters) return
      if (owner !== this.#cluster.self) this.#forget(name)
    }
  }

  /** The latest epoch that was heard of, also one that has ended since. */
  latest(placed: string, key: string): Epoch | undefined {
    return this.#epochs.get(nameOf(placed, key)) ?? this.get(placed, key)
  }

  /** There is or was that epoch, wherever it runs now. */
  heard(placed: string, key: string, epoch: Epoch): void {
    const latest = this.latest(placed, key)
    if (isBelievable(epoch) && (latest === undefined || isLater(epoch, latest)))
      this.#remember(placed, key, epoch)
  }

  /** Remembers an epoch where the place that is known is not as late. */
  #remember(placed: string, key: string, latest: Epoch | undefined): void {
    const name = nameOf(placed, key)
    const place = this.#places.get(name)
    this.#epochs.delete(name)
    if (latest === undefined || (place !== undefined && !isLater(latest, place))) return
    this.#epochs.set(name, { epoch: latest.epoch, owner: latest.owner })
    if (this.#epochs.size > mostEpochs) this.#epochs.delete(this.#epochs.keys().next().value as string)
  }

  /** What ran on peers that are gone. */
  orphans(): [placed: string, key: string][] {
    const lost: [string, string][] = []
    for (const [name, { owner }] of this.#places) {
      if (!this.isHere(owner)) lost.push(JSON.parse(name) as [string, string])
    }
    return lost
  }

  /** What is said to run on other peers that are here. */
  elsewhere(): { placed: string; key: string; place: Place }[] {
    const found: { placed: string; key: string; place: Place }[] = []
    for (const [name, place] of this.#places) {
      if (place.owner === this.#cluster.self || !this.isHere(place.owner)) continue
      const [placed, key] = JSON.parse(name) as [string, string]
      found.push({ placed, key, place })
    }
    return found
  }

  /** A peer said what it can host. */
  hosts(peer: PeerId, types: readonly string[]): void {
    this.#hosts.set(peer, new Set(types))
  }

  /** Whether a peer has ever said what it can host. */
  isKnown(peer: PeerId): boolean {
    return this.#hosts.has(peer)
  }

  /**
   * Forgets peers that the mesh has forgotten. Not those that are dead: one that was cut off says
   * what it can host as soon as it hears us again, which may be before we hear that it lives.
   */
  forgetStrangers(): void {
    for (const peer of [...this.#hosts.keys(), ...this.#states.keys()]) {
      if (this.#cluster.member(peer) !== undefined) continue
      this.#hosts.delete(peer)
      this.#states.delete(peer)
    }
  }

  /** Whether a member's state is another than when this was last asked; a link or a round-trip time moves nothing. */
  changed(peer: PeerId, state: MemberState): boolean {
    if (this.#states.get(peer) === state) return false
    this.#states.set(peer, state)
    return true
  }

  /** The peer that runs it, as far as we know; else the one that should. */
  ownerOf(placed: string, key: string): PeerId | undefined {
    const place = this.get(placed, key)
    if (place !== undefined && this.isHere(place.owner)) return place.owner
    return this.homeOf(placed, key)
  }

  /** The peer that should run it: the first owner of the key that can host it and is to stay. */
  homeOf(placed: string, key: string): PeerId | undefined {
    const { ring, self } = this.#cluster
    for (const id of ring.owners(key, ring.size)) {
      const hosts = id === self ? this.#canHost(placed) : this.#hosts.get(id)?.has(placed) === true
      const state = this.#cluster.member(id)?.state
      if (hosts && (state === 'alive' || state === 'suspect')) return id
    }
    return undefined
  }

  isHere(peer: PeerId): boolean {
    return isHere(this.#cluster, peer)
  }
}
