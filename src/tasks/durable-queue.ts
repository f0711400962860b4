import type { Cluster } from '../mesh/index.js'
import { isPlanted, type Timer } from '../runtime/index.js'
import { fullJitter } from './backoff.js'
import type { Coordinator } from './coordinator.js'
import {
  asQueue,
  asRecord,
  type DurableRecord,
  type DurableRecords,
  durableId,
  idOfKey,
  isOver,
  ownerOf,
  queueKey,
  recordKey,
  recordPrefix,
} from './durable-record.js'
import { TaskFailed } from './errors.js'
import { Payload } from './payload.js'
import { settings } from './settings.js'
import type { Settled } from './submission.js'
import { toLinks } from './thrown.js'

/** The counters of all queues of this peer. */
export interface DurableCounts {
  dispatched: number
  recorded: number
  /** Results for records that had one already, or belong to a later dispatcher. */
  stale: number
}

/**
 * One durable queue at the peer that dispatches it: the ring owner of its name. It claims the
 * queue by raising its epoch, asks the dispatcher before it what that still has under way, reads
 * the records and hands them out, a window at a time.
 */
export class DurableQueue {
  readonly name: string
  readonly #cluster: Cluster
  readonly #records: DurableRecords
  readonly #coordinator: Coordinator
  readonly #counts: DurableCounts
  #epoch = 0
  #state: 'idle' | 'claiming' | 'active' = 'idle'
  /** Records to be dispatched, in the order they became known. */
  readonly #ready = new Set<string>()
  readonly #inFlight = new Set<string>()
  /** The dispatcher before, for as long as it has something under way; else empty. */
  #before = ''
  #again: Timer | undefined
  #failures = 0
  #closed = false

  constructor(
    name: string,
    parts: {
      cluster: Cluster
      records: DurableRecords
      coordinator: Coordinator
      counts: DurableCounts
    },
  ) {
    this.name = name
    this.#cluster = parts.cluster
    this.#records = parts.records
    this.#coordinator = parts.coordinator
    this.#counts = parts.counts
  }

  get isFull(): boolean {
    return this.#ready.size >= settings.queueTasks
  }

  /** Nothing is under way here and nothing waits. */
  get isIdle(): boolean {
    return this.#state === 'idle' && this.#inFlight.size === 0
  }

  /** This peer owns the queue: it claims it, unless it has. */
  own(): void {
    if (this.#state === 'idle') this.#attempt(() => this.#claim())
  }

  /** Another peer owns it now: nothing more is dispatched, what is under way is brought to its end. */
  disown(): void {
    this.#state = 'idle'
    this.#ready.clear()
    this.#again?.cancel()
    this.#again = undefined
  }

  /** A record was added. */
  added(record: string): void {
    if (this.#state === 'active') {
      this.#offer(durableId(this.name, record))
      this.#fill()
    } else this.own()
  }

  /** The next dispatcher asks: dispatches nothing more, and says what is under way. */
  handOver(): string[] {
    this.disown()
    return [...this.#inFlight]
  }

  /** A peer dropped: what it had under way as the dispatcher before is ours now. */
  peerDown(peer: string): void {
    if (peer !== this.#before) return
    this.#before = ''
    this.look()
  }

  /** Looks at all records again: for those of which the word was lost, and those whose time is over. */
  look(): void {
    if (this.#state === 'active') this.#attempt(() => this.#list())
  }

  close(): void {
    this.#closed = true
    this.disown()
  }

  async #claim(): Promise<void> {
    this.#state = 'claiming'
    // Anybody may say that there is a queue; only a record of it makes one.
    if (asQueue(await this.#records.get(queueKey(this.name), { fresh: true })) === undefined) {
      if (this.#state === 'claiming') this.#state = 'idle'
      return
    }
    let epoch = 0
    await this.#records.update(queueKey(this.name), (old) => {
      const queue = asQueue(old) ?? { epoch: 0, dispatcher: '' }
      this.#before = queue.dispatcher === this.#cluster.self ? '' : queue.dispatcher
      epoch = queue.epoch + 1
      return { epoch, dispatcher: this.#cluster.self }
    })
    if (this.#state !== 'claiming') return
    this.#epoch = epoch
    this.#state = 'active'
    await this.#list()
  }

  /** What the dispatcher before still has under way; nothing when it is gone, as that is lost then. */
  #askBefore(): Promise<readonly string[]> {
    const before = this.#before
    if (before === '') return Promise.resolve([])
    const message = { type: 'tasks.handover', name: this.name, epoch: this.#epoch } as const
    return new Promise((resolve) => {
      this.#cluster.request(before, message, settings.handover, (outcome) => {
        const records =
          outcome.kind === 'reply' && outcome.message.type === 'tasks.handed' ? outcome.message.records : []
        if (records.length === 0 && before === this.#before) this.#before = ''
        resolve(records)
      })
    })
  }

  async #list(): Promise<void> {
    const handed = new Set(await this.#askBefore())
    if (this.#state !== 'active') return
    const wall = this.#cluster.runtime.wallClock()
    for await (const [key, value] of this.#records.entries({ prefix: recordPrefix(this.name) })) {
      if (this.#state !== 'active') return
      const record = asRecord(value)
      if (record === undefined) continue
      if (isOver(record, wall)) await this.#records.delete(key)
      else if (record.state === 'queued' && !handed.has(idOfKey(key))) this.#offer(idOfKey(key))
      if (this.isFull) break
    }
    this.#fill()
  }

  #offer(id: string): void {
    if (!this.#inFlight.has(id) && !this.isFull) this.#ready.add(id)
  }

  #fill(): void {
    const window = Math.min(
      settings.durableWindow,
      Math.max(settings.leastInFlight, 2 * this.#coordinator.credit(this.name)),
    )
    for (const id of this.#ready) {
      if (this.#inFlight.size >= window || this.#state !== 'active') return
      this.#ready.delete(id)
      this.#inFlight.add(id)
      this.#dispatch(id).catch((error) => {
        this.#cluster.runtime.log('warn', 'a durable task could not be dispatched', {
          id,
          error: String(error),
        })
        this.#inFlight.delete(id)
        this.#later()
      })
    }
  }

  async #dispatch(id: string): Promise<void> {
    const record = asRecord(await this.#records.get(recordKey(id), { fresh: true }))
    if (record?.state !== 'queued' || this.#state !== 'active') {
      this.#inFlight.delete(id)
      this.#fill()
      return
    }
    this.#counts.dispatched++
    this.#coordinator.submit({
      name: this.name,
      input: Payload.packed(record.input),
      priority: record.priority,
      id,
      epoch: this.#epoch,
      attempts: record.attempts,
      timeout: undefined,
      durable: true,
      settle: (how) => this.#settled(id, how, this.#epoch),
    })
  }

  #settled(id: string, how: Settled, epoch: number): void {
    if (how.kind === 'done' || how.error instanceof TaskFailed) {
      this.#record(id, how, epoch, 1)
      return
    }
    // Nobody can run it now, or this peer is leaving: the record stays as it is.
    this.#inFlight.delete(id)
    this.#later()
  }

  #record(id: string, how: Settled, epoch: number, tries: number): void {
    this.#write(id, how, epoch).then(
      () => {
        this.#inFlight.delete(id)
        this.#fill()
      },
      (error) => {
        const { runtime } = this.#cluster
        if (tries < settings.recordTries && !this.#closed) {
          const range = { first: settings.firstBackoff, longest: settings.longestBackoff }
          runtime.timer(fullJitter(runtime, tries, range), () => this.#record(id, how, epoch, tries + 1))
          return
        }
        runtime.log('warn', 'the result of a durable task could not be recorded; it will run again', {
          id,
          error: String(error),
        })
        this.#inFlight.delete(id)
        this.#later()
      },
    )
  }

  async #write(id: string, how: Settled, epoch: number): Promise<void> {
    // Another dispatcher may have settled it where the copy that is changed here does not show it yet.
    const latest = asRecord(await this.#records.get(recordKey(id), { fresh: true }))
    let used = false
    if (latest !== undefined && latest.state !== 'queued' && !isPlanted('stale-fence-accepted')) {
      this.#counts.stale++
      return
    }
    await this.#records.update(recordKey(id), (old) => {
      const record = asRecord(old)
      used = record !== undefined && record.state === 'queued' && record.epoch <= epoch
      if (isPlanted('stale-fence-accepted')) used = record !== undefined
      return used && record !== undefined ? this.#settle(record, how, epoch) : old
    })
    if (used) this.#counts.recorded++
    else this.#counts.stale++
  }

  #settle(record: DurableRecord, how: Settled, epoch: number): DurableRecord {
    const settledAt = this.#cluster.runtime.wallClock()
    if (how.kind === 'done') {
      const output = how.output.bytes('result')
      return { ...record, state: 'done', epoch, settledAt, runs: how.attempts, peer: how.peer, output }
    }
    const failed = how.error as TaskFailed
    const error = toLinks(failed.remote)
    return {
      ...record,
      state: 'dead',
      epoch,
      settledAt,
      runs: failed.attempts,
      peer: failed.peer ?? '',
      error,
    }
  }

  #attempt(step: () => Promise<void>): void {
    step().then(
      () => {
        this.#failures = 0
      },
      (error) => {
        this.#failures++
        if (this.#state === 'claiming') this.#state = 'idle'
        this.#cluster.runtime.log('debug', 'a durable queue could not be read', {
          name: this.name,
          error: String(error),
        })
        this.#later()
      },
    )
  }

  /** Comes back to it, if it is still ours then. */
  #later(): void {
    if (this.#closed || this.#again !== undefined) return
    const { runtime } = this.#cluster
    const range = { first: settings.workersWait, longest: settings.lookEvery }
    this.#again = runtime.timer(
      settings.firstBackoff + fullJitter(runtime, this.#failures + 1, range),
      () => {
        this.#again = undefined
        if (this.#state === 'active') this.look()
        else if (ownerOf(this.#cluster, this.name) === this.#cluster.self) this.own()
      },
    )
  }
}
