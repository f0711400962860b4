import * as v from 'valibot'
import { packValue, unpackValue } from '../wire/index.js'

/** What outlives the owner of a placed process. */
export interface PlacedRecord {
  readonly epoch: number
  readonly owner: string
  readonly args: unknown
  readonly snapshot: unknown
}

const shape = v.tuple([v.number(), v.string(), v.unknown(), v.unknown()])

export function packRecord({ epoch, owner, args, snapshot }: PlacedRecord): Uint8Array {
  return packValue([epoch, owner, args, snapshot])
}

/** Undefined where the bytes are no record. */
export function unpackRecord(bytes: Uint8Array): PlacedRecord | undefined {
  try {
    const [epoch, owner, args, snapshot] = v.parse(shape, unpackValue(bytes))
    return isBelievable({ epoch }) ? { epoch, owner, args, snapshot } : undefined
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
 * One incarnation of a placed process: a number, and the peer that runs it. The pair is unique by
 * construction, as the id of a peer is of one load of one page, and a peer draws a number but once
 * for a key. Peers that cannot hear each other may draw the same number; they do not share an epoch.
 */
export interface Epoch {
  readonly epoch: number
  readonly owner: string
}

/**
 * The latest number that is believed. A thousand a second would take four thousand years to get
 * there: what claims more is a lie, and must not push the numbers past what can be counted.
 */
const mostBelievable = 2 ** 47

export function isBelievable({ epoch }: { readonly epoch: number }): boolean {
  return epoch <= mostBelievable
}

/** Whether `a` is later than `b`: by number, then by peer, so that every two are ordered, the same everywhere. */
export function isLater(a: Epoch, b: Epoch): boolean {
  return a.epoch === b.epoch ? a.owner > b.owner : a.epoch > b.epoch
}
