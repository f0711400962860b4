import { type FakeNetwork, fakeClusters } from '../mesh/testing/fake-cluster.js'
import type { FakeCluster } from '../mesh/testing/fake-node.js'
import { seededRandom, VirtualTime } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import { memoryPersistence } from './adapters/memory.js'
import { timeOf, type Version } from './clock.js'
import { kinds } from './merges/kinds.js'
import { OutcomeRecorder, type Outcomes } from './outcomes.js'
import type { Held } from './record.js'
import { StateService } from './state-service.js'

/** What may go wrong in a simulation. */
export type Fault =
  | 'join'
  | 'leave'
  | 'suspect'
  | 'partition'
  /** Nobody hears a peer that hears all. */
  | 'mute'
  | 'freeze'
  /** A peer is cut off for long, and every other time asleep as well. */
  | 'away'
  | 'park'
  | 'crash'
  /** A page is gone without a word, and back a moment later with another id and what was in its storage. */
  | 'reload'
  | 'lag'
  | 'clock'

/** Faults that take copies away, so that a write may lose its last one. */
const losing: ReadonlySet<Fault> = new Set(['crash', 'reload'])

export interface SimulationOptions {
  readonly seed: string | number
  readonly nodes?: number
  /** Edge workers among them: what is put durably is on the disk of one, which outlives it. Default 0. */
  readonly edges?: number
  /** Milliseconds of virtual time with faults. Default 20 s. */
  readonly duration?: number
  readonly faults: readonly Fault[]
  /** Mean milliseconds between two faults. Default 1.5 s. */
  readonly faultEvery?: number
  /** Mean milliseconds between two writes. Default 40. */
  readonly writeEvery?: number
  /** Copies of every key. Default 3. */
  readonly replicas?: number
  /** The longest that a view may lag, where 'lag' is among the faults. Default 4 s. */
  readonly longestLag?: number
  /** Mean milliseconds of 'away'. Default 150 s. */
  readonly awayFor?: number
  /** Milliseconds that deleted keys are remembered. Default 1 h. */
  readonly tombstoneTime?: number
  /** Milliseconds of virtual time without faults in which all must come to agree. Default 90 s. */
  readonly quiet?: number
}

/** What came of a simulation; `violations` is empty where every promise was kept. */
export interface SimulationResult {
  readonly acknowledged: number
  readonly failed: number
  readonly violations: readonly string[]
  /** Acknowledged and nowhere afterwards, or only in an older state. */
  readonly lost: number
  /** Of them those that were in one place only when that crashed: the others are violations. */
  readonly explained: number
  /** Acknowledged as durable. */
  readonly durable: number
  /** Milliseconds from the last fault until all owners agreed, and until no other peer held a copy. */
  readonly converged: number
  readonly tidied: number
  /** What became of the keys that were written once, as reads saw it. */
  readonly outcomes: Outcomes
}

/** Mean of `span`, never less than a tenth of it. */
const about = (random: () => number, span: number) => span * (0.1 + 1.8 * random())

/**
 * One run of the state under faults, on virtual time, from a seed: random writes of fresh and of
 * contended keys, random faults, then quiet; afterwards every write that was acknowledged must be
 * with all its owners, in that state or a later one, and nowhere else.
 */
export class StoreSimulation {
  readonly #options: Required<SimulationOptions>
  readonly #random: () => number
  readonly time: VirtualTime
  readonly net: FakeNetwork
  readonly services = new Map<PeerId, StateService>()
  readonly #acknowledged = new Map<string, { version: Version; deleted: boolean }>()
  readonly #violations: string[] = []
  #keys = 0
  #ids = 0
  #writes = 0
  #failed = 0
  #isCut = false
  /** Keys whose acknowledged state went with the last peer that held it. */
  readonly #crashed = new Set<string>()
  /** The latest version of each key that was acknowledged as durable. */
  readonly #durable = new Map<string, Version>()
  /** What outlives a peer on its disk or in its browser. */
  readonly #media = new Map<PeerId, Map<string, Uint8Array>>()
  readonly #recorder = new OutcomeRecorder()
  /** What the watch of one peer was told last of every key, by that peer. */
  readonly #told = new Map<PeerId, Map<string, Version>>()

  constructor(options: SimulationOptions) {
    this.#options = {
      nodes: 5,
      edges: 0,
      duration: 20_000,
      faultEvery: 1_500,
      writeEvery: 40,
      quiet: 90_000,
      awayFor: 150_000,
      tombstoneTime: 3_600_000,
      replicas: 3,
      longestLag: 4_000,
      ...options,
    }
    this.#random = seededRandom(`store simulation ${options.seed}`)
    this.time = new VirtualTime(options.seed)
    const { nodes, edges } = this.#options
    const ids = Array.from({ length: nodes }, (_, index) => this.#freshId(index < edges))
    const lags = options.faults.includes('lag')
    this.net = fakeClusters(this.time, ids, {
      encode: false,
      info: (id) => (isEdge(id) ? { kind: 'edge' } : {}),
      trace: (id, event, [, key, version]) => {
        if (event === 'store.drop') this.#checkDrop(id, String(key), String(version))
      },
      delay: () => 1 + 20 * this.#random() ** 3,
      viewLag: () =>
        lags && this.#random() < 0.3 ? this.#options.longestLag * this.#random() : 100 * this.#random(),
      suspectAfter: () => 1_500 + 1_000 * this.#random(),
      deadAfter: () => 4_000 + 2_000 * this.#random(),
    })
    for (const cluster of this.net.clusters) this.#start(cluster)
  }

  run(): SimulationResult {
    const { duration, faultEvery, writeEvery, faults, quiet } = this.#options
    const end = this.time.now + duration
    let nextFault = about(this.#random, faultEvery)
    let nextWrite = 0
    while (this.time.now < end) {
      const next = Math.min(nextFault, nextWrite, end)
      this.time.advance(next - this.time.now)
      if (this.time.now >= nextWrite) {
        this.#write()
        if (this.#random() < 0.5) this.#readOne()
        nextWrite = this.time.now + about(this.#random, writeEvery)
      }
      if (this.time.now >= nextFault) {
        if (faults.length > 0) this.#fault(this.#pick(faults))
        nextFault = this.time.now + about(this.#random, faultEvery)
      }
    }
    this.net.heal()
    for (const peer of this.net.running) {
      if (peer.frozen) peer.thaw()
      if (peer.own === 'parked') this.net.unpark(peer.self)
    }
    const healed = this.time.now
    let converged = Number.POSITIVE_INFINITY
    let tidied = Number.POSITIVE_INFINITY
    while (this.time.now < healed + quiet && tidied > quiet) {
      this.time.advance(1_000)
      if (converged > quiet && this.#disagreement() === undefined) converged = this.time.now - healed
      if (converged <= quiet && this.#untidiness() === undefined) tidied = this.time.now - healed
    }
    const problem = this.#disagreement() ?? this.#untidiness()
    this.time.advance(15_000)
    this.#checkEnd()
    for (const key of this.#recorder.keys) this.#read(this.#pick(this.net.running), key)
    this.time.advance(15_000)
    if (problem !== undefined) this.#violations.push(`no convergence: ${problem}`)
    return {
      acknowledged: this.#writes,
      failed: this.#failed,
      violations: this.#violations,
      lost: this.#countLost(),
      explained: this.#crashed.size,
      durable: this.#durable.size,
      converged,
      tidied,
      outcomes: this.#recorder.outcomes(),
    }
  }

  /** Some peer reads a key that was acknowledged a moment ago, or any time before. */
  #readOne(): void {
    const { keys } = this.#recorder
    const readers = this.#alive().filter(({ frozen }) => !frozen)
    if (keys.length === 0 || readers.length === 0) return
    const recent = keys.slice(-10)
    this.#read(this.#pick(readers), this.#pick(this.#random() < 0.5 ? recent : keys))
  }

  #read({ self }: FakeCluster, key: string): void {
    const { replicas } = this.#options
    const startedAt = this.time.now
    const options = { reads: 1, writes: 2, timeout: 10_000 }
    this.services.get(self)?.read({ store: 's', replicas, key }, options, (end) => {
      if (end.kind === 'read') this.#recorder.read(key, end.held?.version, startedAt)
    })
  }

  #freshId(edge = false): PeerId {
    return `${edge ? 'edge' : 'n'}${String(this.#ids++).padStart(3, '0')}`
  }

  #start(cluster: FakeCluster, medium = new Map<string, Uint8Array>()): void {
    this.#media.set(cluster.self, medium)
    const isDisk = isEdge(cluster.self)
    const persistence = memoryPersistence(cluster.runtime, { medium, durable: isDisk, isCached: isDisk })
    const { tombstoneTime } = this.#options
    const service = new StateService({ cluster, persistence, tombstoneTime })
    this.services.set(cluster.self, service)
    const told = new Map<string, Version>()
    this.#told.set(cluster.self, told)
    service.watches.watch('s', this.#options.replicas, { prefix: 'shared' }, (key, { version }) =>
      told.set(key, version),
    )
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)] as T
  }

  #alive(): FakeCluster[] {
    return this.net.running.filter(({ own }) => own === 'alive')
  }

  #write(): void {
    const writers = this.#alive().filter(({ frozen }) => !frozen)
    if (writers.length === 0) return
    const cluster = this.#pick(writers)
    const service = this.services.get(cluster.self)
    if (service === undefined || cluster.ring.size < 2) return
    const isFresh = this.#random() < 0.6
    const key = isFresh ? `fresh ${this.#keys++}` : `shared ${Math.floor(this.#random() * 20)}`
    const deleted = this.#random() < 0.15
    const content = deleted ? null : new Uint8Array(8 + Math.floor(this.#random() * 50))
    const held = service.find('s', key)
    if (held !== undefined) service.clock.observe(held.version)
    const version = service.clock.next()
    const record = { store: 's', replicas: this.#options.replicas, key, kind: kinds.last, version, content }
    const durable = this.#options.edges > 0 && this.#random() < 0.3
    service.write(record, { writes: 2, durable, expected: null, timeout: 10_000 }, (end) => {
      if (end.kind !== 'written') {
        this.#failed++
        return
      }
      this.#writes++
      this.#crashed.delete(key)
      if (durable && version > (this.#durable.get(key) ?? '')) this.#durable.set(key, version)
      this.#checkCopies(key, version)
      if (isFresh && !deleted) this.#recorder.acknowledged(key, version, this.time.now)
      const before = this.#acknowledged.get(key)
      if (before === undefined || before.version < version) this.#acknowledged.set(key, { version, deleted })
    })
  }

  #fault(fault: Fault): void {
    const alive = this.#alive()
    const { nodes } = this.#options
    switch (fault) {
      case 'join':
        if (this.net.running.length < 2 * nodes) this.#start(this.net.join(this.#freshId()))
        return
      case 'leave':
        if (alive.length > Math.max(4, nodes - 2)) this.net.leave(this.#pick(alive).self)
        return
      case 'crash':
        if (alive.length > Math.max(4, nodes - 2)) this.#crash(this.#pick(alive).self)
        return
      case 'reload': {
        if (alive.length < 4) return
        const { self } = this.#pick(alive)
        this.#crash(self)
        this.#comeBack(self)
        return
      }
      case 'mute': {
        if (this.#isCut || alive.length === 0) return
        this.#isCut = true
        this.net.mute([this.#pick(alive).self])
        this.time.timer(about(this.#random, 6_000), () => {
          this.#isCut = false
          this.net.heal()
        })
        return
      }
      case 'suspect': {
        const victim = this.#pick(alive)
        const observers = alive.filter((other) => other !== victim && this.#random() < 0.5)
        this.net.suspect(
          victim.self,
          observers.map(({ self }) => self),
          about(this.#random, 2_000),
        )
        return
      }
      case 'partition': {
        if (this.#isCut) return
        this.#isCut = true
        const one: PeerId[] = []
        const other: PeerId[] = []
        for (const { self } of this.net.running) (this.#random() < 0.5 ? one : other).push(self)
        this.net.partition([one, other])
        this.time.timer(about(this.#random, 6_000), () => {
          this.#isCut = false
          this.net.heal()
        })
        return
      }
      case 'freeze': {
        if (alive.length > 0) this.net.freeze(this.#pick(alive).self, about(this.#random, 4_000))
        return
      }
      case 'away': {
        if (this.#isCut || alive.length < 4) return
        this.#isCut = true
        const { self } = this.#pick(alive)
        const span = about(this.#random, this.#options.awayFor)
        this.net.partition([[self], this.net.running.map((other) => other.self).filter((id) => id !== self)])
        if (this.#random() < 0.5) this.net.freeze(self, span)
        this.time.timer(span, () => {
          this.#isCut = false
          this.net.heal()
        })
        return
      }
      case 'park': {
        const victim = this.#pick(alive)
        if (alive.length < 5) return
        this.net.park(victim.self)
        this.time.timer(about(this.#random, 5_000), () => {
          if (victim.running && victim.own === 'parked') this.net.unpark(victim.self)
        })
        return
      }
      case 'clock':
        // One wrong clock at a time: two that are wrong alike outvote the rest.
        for (const { clockAhead } of this.net.running) if (clockAhead !== 0) return
        if (alive.length > 0)
          this.#pick(alive).clockAhead = (this.#random() < 0.5 ? -1 : 1) * 60_000 * (1 + 60 * this.#random())
        return
      case 'lag':
        return
    }
  }

  #crash(id: PeerId): void {
    for (const [key, { version }] of this.#acknowledged) {
      const holders = this.#holdersOf(key, version)
      if (holders.length === 1 && holders[0] === id) this.#crashed.add(key)
    }
    this.net.crash(id)
    // An edge worker is started again, on the disk that it had.
    if (isEdge(id)) this.#comeBack(id)
  }

  #comeBack(id: PeerId): void {
    const medium = this.#media.get(id)
    this.time.timer(about(this.#random, 2_000), () =>
      this.#start(this.net.join(this.#freshId(isEdge(id))), medium),
    )
  }

  /** An acknowledged write is with two peers at least at that moment, or with those that it was handed to. */
  #checkCopies(key: string, version: Version): void {
    const copies = this.#copiesOf(key, version)
    if (copies < 2) this.#violations.push(`${key} was acknowledged with ${copies} copies`)
  }

  /**
   * Whoever drops a copy of the acknowledged state leaves two at least, so that a single crash loses
   * nothing. An older state is not that copy: across a cut there may be fewer of the acknowledged
   * one for a while, as where a peer left and had only one other to hand it to.
   */
  #checkDrop(id: PeerId, key: string, dropped: Version): void {
    const acknowledged = this.#acknowledged.get(key)
    if (acknowledged === undefined || acknowledged.deleted || dropped < acknowledged.version) return
    const copies = this.#copiesOf(key, acknowledged.version)
    if (copies < 2) this.#violations.push(`${id} dropped ${key} and left ${copies} copies`)
  }

  #copiesOf(key: string, version: Version): number {
    // Crashes take copies away at any time, and are judged by what is lost in the end.
    if (this.#options.faults.some((fault) => losing.has(fault))) return Number.POSITIVE_INFINITY
    return this.#holdersOf(key, version).length
  }

  #holdersOf(key: string, version: Version): PeerId[] {
    const holders: PeerId[] = []
    for (const { self } of this.net.running) {
      const held = this.services.get(self)?.find('s', key)
      if (held !== undefined && held.version >= version) holders.push(self)
    }
    return holders
  }

  /** No stamp from the future may have got in, and every watch must have been told the last state. */
  #checkEnd(): void {
    const limit = this.time.runtime().wallClock() + 10_000
    for (const { self } of this.net.running) {
      const service = this.services.get(self) as StateService
      for (const key of service.keysOf('s')) {
        const held = service.find('s', key)
        if (held === undefined) continue
        if (timeOf(held.version) > limit) this.#violations.push(`${self} believes ${key} at ${held.version}`)
        if (!key.startsWith('shared') || held.content === null) continue
        for (const { self: watcher, clockAhead } of this.net.running) {
          // A machine whose clock is wrong believes its own stamps.
          if (clockAhead !== 0) continue
          const told = this.#told.get(watcher)?.get(key)
          if (told !== held.version)
            this.#violations.push(`${watcher} was told ${told} of ${key}, which is ${held.version}`)
        }
      }
    }
  }

  /** Why the peers do not agree yet; undefined when all owners of every key hold the same. */
  #disagreement(): string | undefined {
    const running = this.net.running
    const first = running[0]
    if (first === undefined) return 'nobody is left'
    const { placement } = this.services.get(first.self) as StateService
    for (const { self, own, view, nextRing } of running) {
      if (own === 'leaving' || own === 'joining') return `${self} is ${own}`
      if (view !== first.view || nextRing.digest !== view) return `${self} has another view`
    }
    const keys = new Set<string>()
    for (const { self } of running) {
      const service = this.services.get(self) as StateService
      for (const key of service.keysOf('s')) keys.add(key)
    }
    for (const key of keys) {
      const owners = placement.owners(key, this.#options.replicas)
      const marks = new Set<string | undefined>()
      for (const id of owners) {
        const held = this.services.get(id)?.find('s', key)
        // A tombstone and nothing are the same answer: collecting takes the owners a moment.
        marks.add(held === undefined || held.content === null ? undefined : held.mark)
      }
      if (marks.size !== 1) return `the owners of ${key} hold ${[...marks].join(' and ')}`
    }
    return undefined
  }

  /** Who still holds what it does not own. */
  #untidiness(): string | undefined {
    for (const { self } of this.net.running) {
      const { placement } = this.services.get(self) as StateService
      for (const key of this.services.get(self)?.keysOf('s') ?? [])
        if (!placement.owners(key, this.#options.replicas).includes(self))
          return `${self} holds ${key}, which it does not own`
    }
    return undefined
  }

  #countLost(): number {
    let lost = 0
    for (const [key, { version, deleted }] of this.#acknowledged) {
      const latest = this.#latest(key)
      const isThere = latest === undefined ? deleted : latest.version >= version
      const durable = this.#durable.get(key)
      if (durable !== undefined && !(latest === undefined ? deleted : latest.version >= durable))
        this.#violations.push(`${key} was durable at ${durable}, there is ${latest?.version ?? 'nothing'}`)
      if (isThere) {
        // What was in the last page to crash has come back from its storage.
        this.#crashed.delete(key)
        continue
      }
      lost++
      if (deleted && latest?.content != null) this.#violations.push(`${key} was deleted and returned`)
      else if (!this.#crashed.has(key))
        this.#violations.push(`${key} lost ${version}, there is ${latest?.version ?? 'nothing'}`)
    }
    return lost
  }

  #latest(key: string): Held | undefined {
    let latest: Held | undefined
    for (const { self } of this.net.running) {
      const held = this.services.get(self)?.find('s', key)
      if (held !== undefined && (latest === undefined || held.version > latest.version)) latest = held
    }
    return latest
  }
}

function isEdge(id: PeerId): boolean {
  return id.startsWith('edge')
}
