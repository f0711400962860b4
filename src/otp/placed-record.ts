import * as v from 'valibot'
import { packValue, unpackValue } from '../wire/index.js'
import { isBelievable, isLater } from './placed-epoch.js'
import { including, isIncluded, type PlacedVersion, type VersionVector } from './version-vector.js'

/** What a placed process held in one of its states. */
export interface PlacedSnapshot extends PlacedVersion {
  readonly snapshot: unknown
  /** What else is in it. */
  readonly includes: VersionVector
}

/** What outlives the owner of a placed process. */
export interface PlacedRecord extends PlacedSnapshot {
  readonly args: unknown
  /** What owners of other epochs held that is not in its snapshot: they ran it on the other side of a partition. */
  readonly beside: readonly PlacedSnapshot[]
}

/** Snapshots beside that of the latest epoch; those of the earliest go first. Each is of another side of a partition. */
const mostBeside = 8

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const vector = v.array(v.tuple([v.string(), count, count]))
const shape = v.tuple([
  count,
  v.string(),
  v.unknown(),
  v.unknown(),
  // A record of before there were vectors ends here, and who reads it so ignores the rest.
  v.optional(count, 0),
  v.optional(vector, []),
  v.optional(v.array(v.tuple([count, v.string(), v.unknown(), count, vector])), []),
])

/** What a record says of its vectors may be left out where there is none. */
export type GivenRecord = Pick<PlacedRecord, 'epoch' | 'owner' | 'args' | 'snapshot'> & Partial<PlacedRecord>

export function packRecord(record: GivenRecord): Uint8Array {
  const { epoch, owner, args, snapshot, handled = 0, includes = [], beside = [] } = record
  const besides = beside.map((other) => [
    other.epoch,
    other.owner,
    other.snapshot,
    other.handled,
    packVector(other.includes),
  ])
  return packValue([epoch, owner, args, snapshot, handled, packVector(includes), besides])
}

/** Undefined where the bytes are no record. */
export function unpackRecord(bytes: Uint8Array): PlacedRecord | undefined {
  try {
    const [epoch, owner, args, snapshot, handled, includes, besides] = v.parse(shape, unpackValue(bytes))
    if (!isBelievable({ epoch })) return undefined
    const beside = besides
      .filter(([other]) => isBelievable({ epoch: other }))
      .map(([epoch, owner, snapshot, handled, includes]) => ({
        epoch,
        owner,
        snapshot,
        handled,
        includes: unpackVector(includes),
      }))
    return { epoch, owner, args, snapshot, handled, includes: unpackVector(includes), beside }
  } catch {
    return undefined
  }
}

/** Of two packed records that of the later epoch, what is no record counting as the earliest; undefined where they share it. */
export function laterRecord(a: Uint8Array, b: Uint8Array): Uint8Array | undefined {
  const [one, other] = [unpackRecord(a), unpackRecord(b)]
  if (one === undefined || other === undefined) return one === other ? undefined : one === undefined ? b : a
  if (isLater(one, other)) return a
  return isLater(other, one) ? b : undefined
}

/**
 * The record of the later epoch, and beside it the snapshots that are in no other: those of owners
 * that were cut off, and wrote what their successors did not know of.
 */
export function joinRecords(a: Uint8Array, b: Uint8Array): Uint8Array {
  const [one, other] = [unpackRecord(a), unpackRecord(b)]
  if (one === undefined && other === undefined) return comesAfter(a, b) ? a : b
  if (one === undefined || other === undefined) return one === undefined ? b : a
  const [first, second] = goesBefore(one, other) ? [one, other] : [other, one]
  const lasts = new Map<string, PlacedSnapshot>()
  for (const each of [first, second, ...first.beside, ...second.beside]) {
    const last = lasts.get(nameOf(each))
    if (last === undefined || goesBefore(each, last)) lasts.set(nameOf(each), each)
  }
  const all = [...lasts.values()]
  const [, ...rest] = all.sort((x, y) => (goesBefore(x, y) ? -1 : 1))
  const beside = rest.filter((each) => each.snapshot !== undefined && !all.some((by) => hasIn(by, each)))
  const includes = inherited(first, all)
  // The usual case, each second for each process: the next snapshot of the same owner.
  if (
    beside.length === 0 &&
    first.beside.length === 0 &&
    includes.every((version) => isIncluded(first.includes, version))
  )
    return first === one ? a : b
  return packRecord({
    ...first,
    includes,
    beside: beside.slice(0, mostBeside).map((each) => ({ ...each, includes: inherited(each, all) })),
  })
}

/** What is in what is in it is in it too. */
function inherited(snapshot: PlacedSnapshot, all: readonly PlacedSnapshot[]): VersionVector {
  const within = all.filter((other) => hasIn(snapshot, other))
  return including(snapshot.includes, ...within.flatMap(({ includes }) => includes))
}

function hasIn(snapshot: PlacedSnapshot, other: PlacedSnapshot): boolean {
  if (other === snapshot) return false
  return isIncluded([snapshot], other) || isIncluded(snapshot.includes, other)
}

/** By the epoch, then by how much was handled in it, then anyhow, the same everywhere. */
function goesBefore(a: PlacedSnapshot, b: PlacedSnapshot): boolean {
  if (isLater(a, b) || isLater(b, a)) return isLater(a, b)
  if (a.handled !== b.handled) return a.handled > b.handled
  return comesAfter(packValue(a.snapshot), packValue(b.snapshot))
}

/** Any order will do, the same everywhere. */
function comesAfter(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return a.length > b.length
  const index = a.findIndex((byte, at) => byte !== b[at])
  return index >= 0 && (a[index] as number) > (b[index] as number)
}

const nameOf = ({ owner, epoch }: PlacedSnapshot): string => `${owner}/${epoch}`

const packVector = (vector: VersionVector) =>
  vector.map(({ owner, epoch, handled }) => [owner, epoch, handled])

const unpackVector = (packed: readonly (readonly [string, number, number])[]): VersionVector =>
  packed.map(([owner, epoch, handled]) => ({ owner, epoch, handled }))
