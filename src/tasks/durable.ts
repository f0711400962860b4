import { InvalidOption, RingmeshError } from '../errors/index.js'
import type { Cluster } from '../mesh/index.js'
import { randomId, type Timer } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'
import type { Coordinator } from './coordinator.js'
import type { DeadLetter } from './dead-letters.js'
import { type DurableCounts, DurableQueue } from './durable-queue.js'
import {
  asQueue,
  asRecord,
  type DurableRecord,
  type DurableRecords,
  durableId,
  idOfKey,
  ownerOf,
  queueKey,
  queuePrefix,
  recordKey,
  recordPrefix,
  recordsPrefix,
  splitId,
  toDeadLetter,
} from './durable-record.js'
import { Aborted, Busy, TaskFailed, Timeout } from './errors.js'
import type { EnqueueOptions, ResultOptions } from './options.js'
import { Payload } from './payload.js'
import { settings } from './settings.js'
import { fromLinks } from './thrown.js'

/** A task in a durable queue, as `enqueued` shows it. */
export interface EnqueuedTask {
  readonly id: string
  readonly state: 'queued' | 'done' | 'dead'
  /** When it was enqueued: milliseconds since 1970, by the clock of the peer that did. */
  readonly enqueuedAt: number
}

/**
 * Durable tasks: records in the sharded state, dispatched by the ring owner of their queue, which
 * is one for each task name. When the owner drops, the next one claims the queue and reads it.
 */
export class DurableTasks {
  readonly #cluster: Cluster
  readonly #records: DurableRecords
  readonly #coordinator: Coordinator
  readonly #queues = new Map<string, DurableQueue>()
  /** Queues whose existence is recorded, as far as this peer knows. */
  readonly #known = new Set<string>()
  readonly counts: DurableCounts = { dispatched: 0, recorded: 0, stale: 0 }
  readonly #offs: (() => void)[] = []
  readonly #waits = new Set<() => void>()
  #search: Timer | undefined
  #looking: Timer | undefined
  #closed = false

  constructor(cluster: Cluster, records: DurableRecords, coordinator: Coordinator) {
    this.#cluster = cluster
    this.#records = records
    this.#coordinator = coordinator
    this.#offs.push(
      cluster.on('ring', () => this.#ringChanged()),
      cluster.on('change', ({ state }) => {
        if (state === 'leaving') this.#ringChanged()
      }),
      cluster.on('down', ({ id }) => {
        for (const queue of this.#queues.values()) queue.peerDown(id)
      }),
      cluster.serve('tasks.queued', (message, request) => {
        const { name, record } = message
        if (ownerOf(cluster, name) === cluster.self) {
          if (!this.#added(name, record)) {
            request.refuse('busy')
            return
          }
        }
        request.reply(message)
      }),
      cluster.serve('tasks.handover', ({ name }, request) => {
        const ids = this.#queues.get(name)?.handOver() ?? []
        request.reply({ type: 'tasks.handed', records: ids.slice(0, settings.heldTasks) })
      }),
    )
    this.#lookAgain()
    this.#ringChanged()
  }

  async enqueue(name: string, input: Payload, options: EnqueueOptions): Promise<string> {
    const { key, retries = settings.attempts - 1, priority = 'normal' } = options
    const record: DurableRecord = {
      state: 'queued',
      input: input.bytes('input'),
      priority,
      attempts: retries + 1,
      epoch: 0,
      enqueuedAt: this.#cluster.runtime.wallClock(),
      settledAt: 0,
      runs: 0,
      peer: '',
      output: null,
      error: null,
    }
    // First the queue, so that a record is never in a queue that nobody can find.
    if (!this.#known.has(name)) {
      await this.#records.update(queueKey(name), (old) => asQueue(old) ?? { epoch: 0, dispatcher: '' })
      this.#known.add(name)
    }
    const part = key === undefined ? randomId(this.#cluster.runtime) : encodeURIComponent(key)
    const id = durableId(name, part)
    if (key === undefined) await this.#records.put(recordKey(id), record)
    else await this.#records.update(recordKey(id), (old) => (asRecord(old) === undefined ? record : old))
    const admitted = await this.#tellOwner(name, part)
    if (!admitted && key === undefined) {
      await this.#records.delete(recordKey(id))
      throw new Busy(`the queue of ${JSON.stringify(name)} is full`, settings.longestRetryAfter)
    }
    return id
  }

  /** Waits for the result of a durable task, which may be there already. */
  async result(id: string, { timeout = settings.timeout, signal }: ResultOptions): Promise<unknown> {
    const key = recordKey(id)
    const there = asRecord(await this.#records.get(key, { fresh: true }))
    if (there === undefined) throw new InvalidOption('result.id', id, 'must be the id of an enqueued task')
    if (there.state !== 'queued') return outcomeOf(id, there)
    return new Promise((resolve, reject) => {
      let isOver = false
      const end = (settle: () => void) => {
        if (isOver) return
        isOver = true
        stop()
        again?.cancel()
        timer.cancel()
        this.#waits.delete(onClose)
        signal?.removeEventListener('abort', onAbort)
        settle()
      }
      const onAbort = () => end(() => reject(new Aborted(`the wait for ${id} was aborted`, signal?.reason)))
      const onClose = () => end(() => reject(new Aborted('this peer left the mesh; the task goes on')))
      this.#waits.add(onClose)
      const timer = this.#cluster.runtime.timer(timeout, () =>
        end(() => reject(new Timeout(`the durable task ${id}`, timeout))),
      )
      // What one copy tells may be the word of a dispatcher that nobody else hears: enough copies are
      // asked before it is believed, and asked again while they cannot be.
      const confirm = async (): Promise<void> => {
        const record = asRecord(await this.#records.get(key, { fresh: true }))
        if (record === undefined || record.state === 'queued') return
        end(() => {
          try {
            resolve(outcomeOf(id, record))
          } catch (error) {
            reject(error)
          }
        })
      }
      let again: Timer | undefined
      const confirmSoon = (wait: number): void => {
        again?.cancel()
        // Never inside of the watch: it may tell before it has returned how to end it.
        again = this.#cluster.runtime.timer(wait, () => {
          confirm().catch(() => {
            if (!isOver) confirmSoon(settings.confirmEvery)
          })
        })
      }
      const stop = this.#records.watch(key, (value) => {
        const record = asRecord(value)
        if (record !== undefined && record.state !== 'queued') confirmSoon(0)
      })
      if (signal?.aborted) onAbort()
      else signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  /** All tasks of a queue that are still known. */
  async *enqueued(name: string): AsyncGenerator<EnqueuedTask, undefined> {
    for await (const [key, value] of this.#records.entries({ prefix: recordPrefix(name) })) {
      const record = asRecord(value)
      if (record === undefined) continue
      yield { id: idOfKey(key), state: record.state, enqueuedAt: record.enqueuedAt }
    }
    return undefined
  }

  async deadLetters(): Promise<DeadLetter[]> {
    const letters: DeadLetter[] = []
    for await (const [key, value] of this.#records.entries({ prefix: recordsPrefix })) {
      const record = asRecord(value)
      if (record?.state === 'dead') letters.push(toDeadLetter(idOfKey(key), record))
      if (letters.length >= settings.deadLetters) break
    }
    return letters
  }

  /** Queues a dead letter again, with all its attempts. False when there is none of this id. */
  async requeue(id: string): Promise<boolean> {
    let was = false
    await this.#records.update(recordKey(id), (old) => {
      const record = asRecord(old)
      was = record?.state === 'dead'
      return record !== undefined && was
        ? { ...record, state: 'queued', runs: 0, error: null, settledAt: 0 }
        : old
    })
    if (was) {
      const { name, record } = splitId(id)
      await this.#tellOwner(name, record)
    }
    return was
  }

  /** Forgets a dead letter. False when there is none of this id. */
  async discard(id: string): Promise<boolean> {
    const record = asRecord(await this.#records.get(recordKey(id), { fresh: true }))
    if (record?.state !== 'dead') return false
    await this.#records.delete(recordKey(id))
    return true
  }

  /** This peer leaves: its queues are dispatched by others from here on. */
  leave(): void {
    for (const queue of this.#queues.values()) queue.disown()
  }

  close(): void {
    this.#closed = true
    for (const off of this.#offs) off()
    for (const giveUp of [...this.#waits]) giveUp()
    for (const queue of this.#queues.values()) queue.close()
    this.#search?.cancel()
    this.#looking?.cancel()
  }

  /** Tells the owner of a queue that it has a new record. False: it is full. Silence is as good as yes: it will look. */
  #tellOwner(name: string, record: string): Promise<boolean> {
    const owner = ownerOf(this.#cluster, name)
    if (owner === undefined) return Promise.resolve(true)
    if (owner === this.#cluster.self) return Promise.resolve(this.#added(name, record))
    return this.#poke(owner, name, record)
  }

  #poke(owner: PeerId, name: string, record: string): Promise<boolean> {
    return new Promise((resolve) => {
      this.#cluster.request(owner, { type: 'tasks.queued', name, record }, settings.handover, (outcome) =>
        resolve(!(outcome.kind === 'refused' && outcome.reason === 'busy')),
      )
    })
  }

  /** This peer owns the queue, and something is in it. */
  #added(name: string, record: string): boolean {
    if (this.#closed) return true
    let queue = this.#queues.get(name)
    if (queue === undefined) {
      if (this.#queues.size >= settings.queues) return false
      queue = new DurableQueue(name, {
        cluster: this.#cluster,
        records: this.#records,
        coordinator: this.#coordinator,
        counts: this.counts,
      })
      this.#queues.set(name, queue)
    }
    if (queue.isFull) return false
    if (record === '') queue.own()
    else queue.added(record)
    return true
  }

  #ringChanged(): void {
    for (const [name, queue] of this.#queues) {
      const owner = ownerOf(this.#cluster, name)
      if (owner === this.#cluster.self) queue.own()
      else {
        queue.disown()
        if (queue.isIdle) this.#queues.delete(name)
        if (owner !== undefined) void this.#poke(owner, name, '')
      }
    }
    // One peer looks for queues whose dispatcher went without a word; changes come in bursts.
    this.#search?.cancel()
    this.#search = this.#cluster.runtime.timer(settings.searchAfter, () => {
      this.#search = undefined
      if (ownerOf(this.#cluster, '') === this.#cluster.self) this.#findQueues()
    })
  }

  #findQueues(): void {
    this.#tellOwners().catch((error) => {
      this.#cluster.runtime.log('debug', 'the durable queues could not be listed', { error: String(error) })
      if (this.#closed || this.#search !== undefined) return
      this.#search = this.#cluster.runtime.timer(settings.workersWait, () => {
        this.#search = undefined
        this.#findQueues()
      })
    })
  }

  async #tellOwners(): Promise<void> {
    for await (const [key, value] of this.#records.entries({ prefix: queuePrefix })) {
      if (this.#closed) return
      if (asQueue(value) !== undefined) await this.#tellOwner(key.slice(queuePrefix.length), '')
    }
  }

  #lookAgain(): void {
    this.#looking = this.#cluster.runtime.timer(settings.lookEvery, () => {
      for (const [name, queue] of this.#queues) {
        queue.look()
        if (queue.isIdle) this.#queues.delete(name)
      }
      this.#lookAgain()
    })
  }
}

function outcomeOf(id: string, record: DurableRecord): unknown {
  if (record.state === 'done' && record.output !== null) return Payload.packed(record.output).take().value
  if (record.state === 'dead') {
    const peer = record.peer === '' ? undefined : record.peer
    throw new TaskFailed(splitId(id).name, fromLinks(record.error ?? []), record.runs, peer)
  }
  throw new RingmeshError('BadFrame', `the record of ${id} is damaged`)
}
