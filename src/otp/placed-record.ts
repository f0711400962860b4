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
    return { epoch, owner, args, snapshot }
  } catch {
    return undefined
  }
}

/** One incarnation of a placed process: who runs it, in which epoch. */
export interface Epoch {
  readonly epoch: number
  readonly owner: string
}

/** Whether `a` is later than `b`. Two peers that could not hear each other may draw the same number: the id decides. */
export function isLater(a: Epoch, b: Epoch): boolean {
  return a.epoch === b.epoch ? a.owner > b.owner : a.epoch > b.epoch
}
