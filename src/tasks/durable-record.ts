import * as v from 'valibot'
import type { Cluster } from '../mesh/index.js'
import type { PeerId } from '../wire/index.js'
import type { DeadLetter } from './dead-letters.js'
import { Payload } from './payload.js'
import { taskPriorities } from './priority-queue.js'
import { settings } from './settings.js'
import { fromLinks } from './thrown.js'

/**
 * The sharded state, as little of it as durable tasks need. A `Store` of `src/store` is one that
 * merges by {@link mergeTaskRecords}; what it holds must outlive this peer.
 */
export interface DurableRecords {
  /** `fresh`: no older than any write that was acknowledged. */
  get(key: string, options?: { fresh?: boolean }): Promise<unknown>
  put(key: string, value: unknown): Promise<unknown>
  /** Reads, changes and writes back; `change` may be called more than once. */
  update(key: string, change: (old: unknown) => unknown): Promise<unknown>
  delete(key: string): Promise<unknown>
  /** Tells what is there, then every later state. */
  watch(key: string, changed: (value: unknown) => void): () => void
  entries(options: { prefix: string }): AsyncIterable<readonly [key: string, value: unknown]>
}

const bytes = v.custom<Uint8Array>((value) => value instanceof Uint8Array)
const whole = v.pipe(v.number(), v.integer(), v.minValue(0))

const link = v.strictObject({ name: v.string(), message: v.string(), stack: v.string() })

const recordSchema = v.strictObject({
  state: v.picklist(['queued', 'done', 'dead']),
  input: bytes,
  priority: v.picklist(taskPriorities),
  /** Attempts in all before it is a dead letter. */
  attempts: whole,
  /** Of the dispatcher that settled it; a lower one may not any more. */
  epoch: whole,
  /** Wall clocks of the peers that enqueued and settled it. */
  enqueuedAt: v.number(),
  settledAt: v.number(),
  runs: whole,
  peer: v.string(),
  output: v.nullable(bytes),
  error: v.nullable(v.array(link)),
})

/** A durable task, as it lies in the sharded state. */
export type DurableRecord = v.InferOutput<typeof recordSchema>

const queueSchema = v.strictObject({ epoch: whole, dispatcher: v.string() })

/** Who dispatches a queue: the ring owner that claimed it last, and which claim that was. */
export type QueueRecord = v.InferOutput<typeof queueSchema>

/**
 * What becomes of two states of one record that were written without sight of each other, as by the
 * dispatchers on either side of a split. A settled task stays settled, and of two results that of the
 * later dispatcher counts, whichever was written last: a dispatcher that nobody hears goes on writing
 * for half a minute. Which of the rest wins matters little, only that it is the same everywhere.
 */
export function mergeTaskRecords(a: unknown, b: unknown): unknown {
  const [queue, otherQueue] = [asQueue(a), asQueue(b)]
  if (queue !== undefined && otherQueue !== undefined) {
    return comesFirst([-queue.epoch, queue.dispatcher], [-otherQueue.epoch, otherQueue.dispatcher]) ? a : b
  }
  const [record, other] = [asRecord(a), asRecord(b)]
  if (record === undefined || other === undefined) return record === undefined ? b : a
  return comesFirst(rankOf(record), rankOf(other)) ? a : b
}

const states = ['done', 'dead', 'queued']

function rankOf({ state, epoch, settledAt, enqueuedAt, peer, runs, input, output }: DurableRecord): Rank {
  const isOpen = state === 'queued' ? 1 : 0
  const bytes = [...(output ?? input)].join()
  return [isOpen, -epoch, states.indexOf(state), settledAt, enqueuedAt, peer, runs, bytes]
}

type Rank = readonly (number | string)[]

function comesFirst(rank: Rank, other: Rank): boolean {
  for (const [index, part] of rank.entries()) {
    const against = other[index] as number | string
    if (part !== against) return part < against
  }
  return true
}

/** What lies in the state may have been written by anybody in the room. Undefined where it is no record. */
export function asRecord(value: unknown): DurableRecord | undefined {
  const result = v.safeParse(recordSchema, value)
  return result.success ? result.output : undefined
}

export function asQueue(value: unknown): QueueRecord | undefined {
  const result = v.safeParse(queueSchema, value)
  return result.success ? result.output : undefined
}

/** No task's name contains it. */
const separator = '\0'

export const queuePrefix = `queue${separator}`
export const recordsPrefix = `record${separator}`

/** Who dispatches a queue: its owner on the ring, past those that are about to leave. */
export function ownerOf(cluster: Cluster, name: string): PeerId | undefined {
  const owners = cluster.ring.owners(queueKey(name), settings.dispatchers)
  return owners.find((id) => cluster.member(id)?.state !== 'leaving') ?? owners[0]
}

export function queueKey(name: string): string {
  return `${queuePrefix}${name}`
}

export function recordPrefix(name: string): string {
  return `${recordsPrefix}${name}${separator}`
}

export function recordKey(id: string): string {
  const { name, record } = splitId(id)
  return `${recordPrefix(name)}${record}`
}

/** The id that callers see: the task's name and what tells its records apart. */
export function durableId(name: string, record: string): string {
  return `${name}#${record}`
}

export function idOfKey(key: string): string {
  const [, name = '', record = ''] = key.split(separator)
  return durableId(name, record)
}

export function splitId(id: string): { name: string; record: string } {
  const at = id.lastIndexOf('#')
  return { name: id.slice(0, at), record: id.slice(at + 1) }
}

/** Whether a settled record has been kept for as long as is promised. */
export function isOver({ state, settledAt }: DurableRecord, wallClock: number): boolean {
  return state === 'done' && wallClock - settledAt > settings.keepResults
}

export function toDeadLetter(id: string, record: DurableRecord): DeadLetter {
  return {
    id,
    name: splitId(id).name,
    input: Payload.packed(record.input).take().value,
    error: fromLinks(record.error ?? []),
    attempts: record.runs,
    peer: record.peer === '' ? undefined : record.peer,
    at: record.settledAt,
    durable: true,
  }
}
