import type { Cluster } from '../mesh/index.js'
import type { Timer } from '../runtime/index.js'
import type { Message, PeerId } from '../wire/index.js'
import type { ExitReason } from './exit.js'
import { busyPause, namesTimeout, registrationTime } from './names-timing.js'
import type { Process } from './process.js'
import { ProcessRef, sameProcess } from './ref.js'
import { isBusy } from './until-answered.js'

/**
 * Owners asked in a row before a name is taken without one: the ring is then in pieces, and a
 * conflict is resolved later. With more of them no time would be left to tell everybody.
 */
const mostOwners = 2

/** Holders that an owner may name and that we know to have ended, before one is believed. */
const mostReclaims = 3

/** Tells why a name was not got; undefined when it was. */
export type Registered = (refusal: ExitReason | undefined) => void

/** What a registration needs of the names. */
export interface RegistrationWorld {
  isEnded(ref: ProcessRef): boolean
  /** Enters the name in this page's table, unless somebody is found to have it. */
  enter(name: string, process: Process, done: (holder: ProcessRef | undefined) => void): void
}

/**
 * Gets one name for one process: asks the ring owner of the name, enters it here, tells everybody.
 * All of that has one deadline; whoever ends it takes back what was said.
 */
export class NameRegistration {
  readonly name: string
  readonly process: Process
  readonly #cluster: Cluster
  readonly #world: RegistrationWorld
  /** Those that know of it, or will before anything else that they hear from us. */
  readonly #told = new Set<PeerId>()
  /** Those that have been asked and have not answered, and the ways to give them up. */
  readonly #asked = new Map<PeerId, () => void>()
  /** Owners that may have reserved the name. */
  readonly owners = new Set<PeerId>()
  #done: Registered | undefined
  #giveUp = (): void => {}
  #deadline: Timer | undefined
  /** Milliseconds that it may still take. */
  #left = registrationTime
  #isOver = false
  #refusal: ExitReason | undefined

  constructor(cluster: Cluster, world: RegistrationWorld, name: string, process: Process) {
    this.#cluster = cluster
    this.#world = world
    this.name = name
    this.process = process
  }

  /** Calls `done` when the name is this process's and everybody knows, or with why it is not. */
  begin(done: Registered): void {
    this.#await(done)
    this.#ask()
  }

  /** Once the process has begun: calls `done` when those that came meanwhile know too. */
  confirm(done: Registered): void {
    if (this.#refusal !== undefined) {
      done(this.#refusal)
      return
    }
    this.#await(done)
    this.#tell()
  }

  /** A peer has come, or come back, and may know nothing. */
  appeared(peer: PeerId): void {
    this.#told.delete(peer)
  }

  /** Ends it: the name went to another, the time is over, or the process has ended. */
  refuse(refusal: ExitReason): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#refusal = refusal
    this.#giveUp()
    for (const giveUp of this.#asked.values()) giveUp()
    this.#asked.clear()
    this.#settle(refusal)
  }

  #await(done: Registered): void {
    this.#done = done
    const { runtime } = this.#cluster
    const since = runtime.now()
    const deadline = runtime.timer(this.#left, () =>
      this.refuse({ type: 'timeout', after: registrationTime }),
    )
    this.#deadline = {
      cancel: () => {
        deadline.cancel()
        this.#left = Math.max(0, this.#left - (runtime.now() - since))
      },
    }
  }

  #settle(refusal: ExitReason | undefined): void {
    const done = this.#done
    this.#deadline?.cancel()
    this.#deadline = undefined
    this.#done = undefined
    done?.(refusal)
  }

  #ask(): void {
    const { ring } = this.#cluster
    const owner = ring.owners(this.name, mostOwners).find((id) => !this.owners.has(id))
    if (owner === undefined) this.#enter()
    else this.#claim(owner, { type: 'process.claim', name: this.name, process: this.process.ref.id }, 0)
  }

  #claim(owner: PeerId, message: Message, reclaims: number): void {
    this.owners.add(owner)
    this.#giveUp = this.#cluster.request(owner, message, namesTimeout, (outcome) => {
      if (outcome.kind !== 'reply' || outcome.message.type !== 'process.claimed') {
        this.#ask()
        return
      }
      const { holder } = outcome.message
      if (holder === null) {
        this.#enter()
        return
      }
      const ref = new ProcessRef(holder.peer, holder.id)
      if (reclaims < mostReclaims && this.#world.isEnded(ref)) {
        // The owner cannot hear the holder's page, and has not heard what we have.
        const { name, process } = this
        this.#claim(
          owner,
          { type: 'process.reclaim', name, process: process.ref.id, ended: { peer: ref.peer, id: ref.id } },
          reclaims + 1,
        )
      } else this.refuse({ type: 'already_started', ref })
    })
  }

  #enter(): void {
    this.#world.enter(this.name, this.process, (holder) => {
      if (this.#isOver) return
      if (holder !== undefined && !sameProcess(holder, this.process.ref))
        this.refuse({ type: 'already_started', ref: holder })
      else this.#tell()
    })
  }

  /** Tells everybody that has not been told, those who come while it does too. */
  #tell(): void {
    if (this.#isOver) return
    const { self } = this.#cluster
    for (const { id } of this.#cluster.members()) {
      if (id !== self && !this.#told.has(id) && !this.#asked.has(id)) this.#tellOne(id)
    }
    if (this.#asked.size === 0) this.#settle(undefined)
  }

  #tellOne(peer: PeerId): void {
    const { runtime } = this.#cluster
    const names = [{ name: this.name, process: this.process.ref.id }]
    const giveUps: (() => void)[] = []
    const giveUp = (): void => {
      for (const each of giveUps) each()
    }
    const later = (pause: number, act: () => void): void => {
      const timer = runtime.timer(pause, act)
      giveUps.push(() => timer.cancel())
    }
    const told = (): void => {
      giveUp()
      this.#asked.delete(peer)
      this.#told.add(peer)
      this.#tell()
    }
    const ask = (): void => {
      giveUps.push(
        this.#cluster.request(peer, { type: 'process.names', names }, registrationTime, (outcome) => {
          // It has not got it: there was no room for it.
          if (isBusy(outcome)) later(busyPause, ask)
          else told()
        }),
      )
    }
    // Who does not answer though it seems well is asked again; a late answer counts as well. What was
    // sent to the others waits in the ordered stream to them, before anything else that we tell them.
    const look = (): void => {
      if (!this.#hears(peer)) {
        told()
        return
      }
      ask()
      later(namesTimeout, look)
    }
    this.#asked.set(peer, giveUp)
    ask()
    later(namesTimeout, look)
  }

  #hears(peer: PeerId): boolean {
    const member = this.#cluster.member(peer)
    return member?.state === 'alive' && member.link !== 'none'
  }
}
