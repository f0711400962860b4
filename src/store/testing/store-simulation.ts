import type { PeerId } from '../../wire/index.js'
// biome-ignore lint/style/noRestrictedImports: a folder of this room
import { kinds } from '../merges/kinds.js'
import { checkStamps, disagreement, untidiness } from './agreement.js'
import { Ledger } from './ledger.js'
import { OutcomeRecorder } from './outcomes.js'
import { SessionWitness } from './session-witness.js'
import { about, SimulatedPeers, storeName } from './simulated-peers.js'
import type { Report, SimulationOptions, SimulationResult, Violation } from './simulation-options.js'
import { mayLose, Striker } from './strike.js'
import { WatchWitness } from './watch-witness.js'

/** What the keys that many peers write at once begin with. */
const contended = 'shared'

/** Milliseconds that reads and writes under way have to come to an end. */
const lastAnswers = 15_000

/** Turns of the microtask queue in which the promises of a store settle. */
const turnsOfPromises = 16

/**
 * One run of the state under faults, on virtual time, from a seed: random writes of fresh and of
 * contended keys, random faults, then quiet; afterwards every write that was acknowledged must be
 * with all its owners, in that state or a later one, and nowhere else.
 */
export class StoreSimulation {
  readonly peers: SimulatedPeers
  readonly #options: Required<SimulationOptions>
  readonly #violations: Violation[] = []
  readonly #ledger: Ledger
  readonly #striker: Striker
  readonly #sessions: SessionWitness
  readonly #watches: WatchWitness
  readonly #recorder = new OutcomeRecorder()
  #keys = 0
  #failed = 0

  constructor(options: SimulationOptions) {
    this.#options = {
      nodes: 5,
      edges: 0,
      browsers: 0,
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
    const { replicas, faults, nodes, awayFor, tombstoneTime } = this.#options
    const report: Report = (promise, what) => this.#violations.push({ promise, what })
    this.#watches = new WatchWitness(contended, replicas)
    this.peers = new SimulatedPeers(this.#options, {
      started: ({ self }, service) => this.#watches.follow(self, service),
      dropped: (id, key, version) => this.#ledger.dropped(id, key, version),
      crashing: (id) => this.#ledger.crashing(id),
    })
    this.#ledger = new Ledger(this.peers, mayLose(faults), report)
    this.#striker = new Striker(this.peers, nodes, awayFor)
    this.#sessions = new SessionWitness(this.peers, replicas, tombstoneTime, this.#ledger, report)
    this.peers.start()
  }

  async run(): Promise<SimulationResult> {
    await this.#underFaults()
    this.#striker.heal()
    const { converged, tidied, problem } = await this.#untilAgreed()
    await this.#advance(lastAnswers)
    const report: Report = (promise, what) => this.#violations.push({ promise, what })
    checkStamps(this.peers, report)
    this.#watches.check(this.peers, report)
    for (const key of this.#recorder.keys) this.#read(this.peers.pick(this.peers.running).self, key)
    this.#sessions.readAll()
    await this.#advance(lastAnswers)
    if (problem !== undefined) report('agreed', problem)
    const { lost, explained } = this.#ledger.close()
    return {
      acknowledged: this.#ledger.acknowledged,
      failed: this.#failed + this.#sessions.failed,
      violations: this.#violations,
      lost,
      explained,
      durable: this.#ledger.durable,
      deleted: this.#ledger.deleted,
      sessionReads: this.#sessions.reads,
      hostileFrames: this.#striker.hostile?.sent ?? 0,
      refusedFrames: this.#striker.hostile?.refused ?? 0,
      converged,
      tidied,
      outcomes: this.#recorder.outcomes(),
    }
  }

  async #underFaults(): Promise<void> {
    const { duration, faultEvery, writeEvery, faults } = this.#options
    const { time, random } = this.peers
    const end = time.now + duration
    let nextFault = about(random, faultEvery)
    let nextWrite = 0
    while (time.now < end) {
      const next = Math.min(nextFault, nextWrite, end)
      await this.#advance(next - time.now)
      if (time.now >= nextWrite) {
        this.#write()
        if (random() < 0.5) this.#readOne()
        if (random() < 0.25) this.#sessions.act()
        nextWrite = time.now + about(random, writeEvery)
      }
      if (time.now >= nextFault) {
        if (faults.length > 0) this.#striker.strike(this.peers.pick(faults))
        nextFault = time.now + about(random, faultEvery)
      }
    }
  }

  /** Waits until all owners agree and nobody holds anything else, and tells after how long, or what is wrong in the end. */
  async #untilAgreed(): Promise<{ converged: number; tidied: number; problem: string | undefined }> {
    const { replicas, quiet } = this.#options
    const { time } = this.peers
    const healed = time.now
    let converged = Number.POSITIVE_INFINITY
    let tidied = Number.POSITIVE_INFINITY
    while (time.now < healed + quiet && tidied > quiet) {
      await this.#advance(1_000)
      if (converged > quiet && disagreement(this.peers, replicas) === undefined) converged = time.now - healed
      if (converged <= quiet && untidiness(this.peers, replicas) === undefined) tidied = time.now - healed
    }
    const problem = disagreement(this.peers, replicas) ?? untidiness(this.peers, replicas)
    return { converged, tidied, problem }
  }

  async #advance(milliseconds: number): Promise<void> {
    this.peers.time.advance(milliseconds)
    for (let turn = 0; turn < turnsOfPromises; turn++) await undefined
  }

  /** Some peer reads a key that was acknowledged a moment ago, or any time before. */
  #readOne(): void {
    const { keys } = this.#recorder
    const { awake, random } = this.peers
    if (keys.length === 0 || awake.length === 0) return
    const recent = keys.slice(-10)
    this.#read(this.peers.pick(awake).self, this.peers.pick(random() < 0.5 ? recent : keys))
  }

  #read(reader: PeerId, key: string): void {
    const { replicas } = this.#options
    const startedAt = this.peers.time.now
    const options = { reads: 1, writes: 2, timeout: 10_000 }
    this.peers.service(reader).coordinator.read({ store: storeName, replicas, key }, options, (end) => {
      if (end.kind === 'read') this.#recorder.read(key, end.held?.version, startedAt)
    })
  }

  #write(): void {
    const { awake, random } = this.peers
    if (awake.length === 0) return
    const { self, ring } = this.peers.pick(awake)
    if (ring.size < 2) return
    const { coordinator } = this.peers.service(self)
    const isFresh = random() < 0.6
    const key = isFresh ? `fresh ${this.#keys++}` : `${contended} ${Math.floor(random() * 20)}`
    const deleted = random() < 0.15
    const content = deleted ? null : new Uint8Array(8 + Math.floor(random() * 50))
    const held = coordinator.find(storeName, key)
    if (held !== undefined) coordinator.clock.observe(held.version)
    const version = coordinator.clock.next()
    const { replicas, edges } = this.#options
    const record = { store: storeName, replicas, key, kind: kinds.last, version, content }
    const durable = edges > 0 && random() < 0.3
    coordinator.write(
      record,
      { writes: 2, fewerSuffice: false, durable, expected: null, timeout: 10_000 },
      (end) => {
        if (end.kind !== 'written') {
          this.#failed++
          return
        }
        this.#ledger.acknowledge({ key, version, deleted, durable })
        if (isFresh && !deleted) this.#recorder.acknowledged(key, version, this.peers.time.now)
      },
    )
  }
}
