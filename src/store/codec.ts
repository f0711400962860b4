import { type PeerId, packValue, unpackValue } from '../wire/index.js'
import type { Version } from './clock.js'
import { sessionKeys } from './constants.js'
import type { Held } from './held.js'
import { algebraOf } from './merges/index.js'
import { kinds } from './merges/kinds.js'
import type { Algebra, Writing } from './merges/merge.js'
import { ownAlgebra } from './merges/own.js'
import { epochOf, packEpoch } from './merges/states.js'

/** Under which name this page writes a key of a store that merges. */
interface Writer {
  readonly reset: Version | ''
  /** Grows when the key's past was forgotten by the mesh, so that what this page counted then is not taken for now. */
  readonly life: number
}

/** Between values as the application has them and the content of records. */
export class Codec<Value> {
  readonly kind: number
  readonly #self: PeerId
  readonly #algebra: Algebra<Value> | undefined
  /** In the order of their last use. */
  readonly #writers = new Map<string, Writer>()
  readonly #mostWriters: number
  /** The life that a key begins with that is not remembered: after all that were forgotten here. */
  #firstLife = 0
  #sequence = 0

  /** @param mostWriters - keys of which is remembered under which name this page wrote them */
  constructor(self: PeerId, merge: unknown, mostWriters = sessionKeys) {
    this.#self = self
    this.#mostWriters = mostWriters
    if (merge === undefined) this.#algebra = undefined
    else if (typeof merge === 'function') this.#algebra = ownAlgebra(merge as (a: Value, b: Value) => Value)
    else this.#algebra = algebraOf(merge) as Algebra<Value> | undefined
    this.kind = this.#algebra?.kind ?? kinds.last
  }

  /** Whether concurrent writes are merged: a write then depends on what was there. */
  get merges(): boolean {
    return this.#algebra !== undefined
  }

  /** The content that changes what is held to `next`. */
  pack(key: string, held: Held | undefined, next: Value, version: Version): Uint8Array {
    const algebra = this.#algebra
    if (algebra === undefined) return packValue(next)
    const { reset, state } = epochOf(held?.kind === this.kind ? held : undefined)
    const writer = this.#writerOf(key, reset, state !== undefined)
    const writing: Writing = { writer, version, sequence: ++this.#sequence }
    return packEpoch(reset, algebra.write(state, next, writing))
  }

  unpack(held: Held): Value | undefined {
    if (held.content === null) return undefined
    if (held.kind === kinds.last) return unpackValue(held.content) as Value
    const { state } = epochOf(held)
    // Written by a page that merges otherwise: there is no value of this store's kind in it.
    if (this.#algebra === undefined || held.kind !== this.kind || state === undefined) return undefined
    return this.#algebra.read(state)
  }

  #writerOf(key: string, reset: Version | '', isThere: boolean): string {
    const before = this.#writers.get(key)
    const isForgotten = before !== undefined && before.reset === reset && !isThere
    const life = before === undefined ? this.#firstLife : isForgotten ? before.life + 1 : before.life
    this.#writers.delete(key)
    this.#writers.set(key, { reset, life })
    this.#bound()
    return life === 0 ? this.#self : `${this.#self}.${life}`
  }

  /** A key that falls out is written under a name of its own when it comes back, as its past may have been forgotten by then. */
  #bound(): void {
    for (const [key, { life }] of this.#writers) {
      if (this.#writers.size <= this.#mostWriters) return
      this.#writers.delete(key)
      this.#firstLife = Math.max(this.#firstLife, life + 1)
    }
  }
}
