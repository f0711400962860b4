import { RingmeshError } from '../errors/index.js'
import type { Cluster } from '../mesh/index.js'
import type { Message, PeerId } from '../wire/index.js'
import { frameBytes } from './constants.js'
import { fromWire, join, type StoreRecord, sizeOf, toWire, type WireRecord } from './record.js'
import type { Replica } from './replica.js'

type Listed = Extract<Message, { type: 'store.listed' }>

/** Records in a page: the values' bytes bound it too, and a page has one record at least. */
const pageLength = 256

/** Milliseconds that one page of one peer may take. */
const pageTimeout = 5_000

/** How often a page is asked for again because members changed or did not answer: some seconds, as a death is known by then. */
const mostTries = 10
const tryAgainAfter = 500

/** Answers for what this peer holds, page by page in the order of keys, and gathers the pages of all. */
export class Listing {
  readonly #cluster: Cluster
  readonly #replica: Replica

  constructor(cluster: Cluster, replica: Replica) {
    this.#cluster = cluster
    this.#replica = replica
    cluster.serve('store.list', ({ store, prefix, after }, request) =>
      request.reply(this.#page(store, prefix, after)),
    )
  }

  /**
   * The next keys over the whole mesh after `after`, in order, tombstones included. Every peer with
   * state is asked, as no single one has all keys; and all again where the owners changed meanwhile,
   * as a key may have gone from one that had not been asked yet to one that had. `done` gets the
   * records and whether there may be more, or the error when so many do not answer that keys could
   * be missing.
   */
  gather(
    place: { readonly store: string; readonly replicas: number; readonly writes: number },
    prefix: string,
    after: string | null,
    done: (error: RingmeshError | undefined, records: readonly StoreRecord[], more: boolean) => void,
    tries = 1,
  ): void {
    const sources = this.#sources()
    const situation = this.#situation()
    const pages: Page[] = []
    let open = sources.length
    let failed = 0
    const finish = () => {
      if (--open > 0) return
      // What was acknowledged has `writes` copies: so many failures can hide it.
      const isWhole = failed < Math.min(place.writes, place.replicas) && pages.length > 0
      if (isWhole && (situation === this.#situation() || tries >= mostTries)) {
        done(undefined, ...merged(pages))
      } else if (tries < mostTries) {
        const again = () => this.gather(place, prefix, after, done, tries + 1)
        this.#cluster.runtime.timer(isWhole ? 0 : tryAgainAfter, again)
      } else {
        const text = `${failed} of ${sources.length} peers did not list what they hold of '${place.store}'`
        done(new RingmeshError('Timeout', text), [], false)
      }
    }
    const message: Message = { type: 'store.list', store: place.store, prefix, after }
    for (const id of sources) {
      this.#cluster.request(id, message, pageTimeout, (outcome) => {
        const page =
          outcome.kind === 'reply' ? pageOf(outcome.message, place.store, prefix, after) : undefined
        if (page !== undefined) pages.push(page)
        else if (outcome.kind !== 'refused' || outcome.reason !== 'unserved') failed++
        finish()
      })
    }
  }

  #situation(): string {
    return `${this.#cluster.ring.digest} ${this.#cluster.nextRing.digest}`
  }

  #sources(): PeerId[] {
    const sources: PeerId[] = [this.#cluster.self]
    for (const { id, state, weight } of this.#cluster.members())
      if (id !== this.#cluster.self && weight > 0 && state !== 'joining') sources.push(id)
    return sources
  }

  #page(store: string, prefix: string, after: string | null): Listed {
    const records: WireRecord[] = []
    let bytes = 0
    for (const shelf of this.#replica.shelves()) {
      if (shelf.name !== store) continue
      for (const key of shelf.keysFrom(prefix, after)) {
        const entry = shelf.entries.get(key)
        if (entry === undefined) continue
        if (records.length === pageLength || (records.length > 0 && bytes + sizeOf(entry) > 4 * frameBytes))
          return { type: 'store.listed', records, more: true }
        bytes += sizeOf(entry)
        records.push(toWire(entry))
      }
    }
    return { type: 'store.listed', records, more: false }
  }
}

/** What one peer listed. */
interface Page {
  readonly records: readonly StoreRecord[]
  /** The key up to which it has listed all that it holds; undefined where that is all. */
  readonly end: string | undefined
}

/** An answer as a page, without what was not asked for; undefined where it would lead nowhere. */
function pageOf(message: Message, store: string, prefix: string, after: string | null): Page | undefined {
  if (message.type !== 'store.listed') return undefined
  const records: StoreRecord[] = []
  let end = after
  for (const wire of message.records) {
    const record = fromWire(wire)
    const { key } = record
    if (record.store !== store || !key.startsWith(prefix) || (end !== null && key <= end)) return undefined
    end = key
    records.push(record)
  }
  if (!message.more) return { records, end: undefined }
  return records.length === 0 || end === null ? undefined : { records, end }
}

/** One page of many: joined by key, up to the last key that every page reaches. */
function merged(pages: readonly Page[]): [records: StoreRecord[], more: boolean] {
  let least: string | undefined
  for (const { end } of pages) if (end !== undefined && (least === undefined || end < least)) least = end
  const found = new Map<string, StoreRecord>()
  for (const { records } of pages) {
    for (const record of records) {
      if (least !== undefined && record.key > least) break
      const before = found.get(record.key)
      found.set(record.key, before === undefined ? record : { ...record, ...join(before, record) })
    }
  }
  const records = [...found.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
  return [records, least !== undefined]
}
