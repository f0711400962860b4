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
   * state is asked, as no single one has all keys. `done` gets the records and whether there may
   * be more, or the error when so many do not answer that keys could be missing.
   */
  gather(
    place: { readonly store: string; readonly replicas: number },
    prefix: string,
    after: string | null,
    done: (error: RingmeshError | undefined, records: readonly StoreRecord[], more: boolean) => void,
  ): void {
    const sources = this.#sources()
    const pages: Listed[] = []
    let open = sources.length
    let failed = 0
    const finish = () => {
      if (--open > 0) return
      if (failed >= place.replicas || pages.length === 0) {
        const text = `${failed} of ${sources.length} peers did not list what they hold of '${place.store}'`
        done(new RingmeshError('Timeout', text), [], false)
      } else done(undefined, ...merged(pages))
    }
    const message: Message = { type: 'store.list', store: place.store, prefix, after }
    for (const id of sources) {
      this.#cluster.request(id, message, pageTimeout, (outcome) => {
        if (outcome.kind === 'reply' && outcome.message.type === 'store.listed') pages.push(outcome.message)
        else if (outcome.kind !== 'refused' || outcome.reason !== 'unserved') failed++
        finish()
      })
    }
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

/** One page of many: joined by key, up to the last key that every page reaches. */
function merged(pages: readonly Listed[]): [records: StoreRecord[], more: boolean] {
  let end: string | undefined
  for (const { records, more } of pages) {
    const last = records.at(-1)?.[2]
    if (more && last !== undefined && (end === undefined || last < end)) end = last
  }
  const found = new Map<string, StoreRecord>()
  for (const { records } of pages) {
    for (const wire of records) {
      const record = fromWire(wire)
      if (end !== undefined && record.key > end) break
      const before = found.get(record.key)
      found.set(record.key, before === undefined ? record : { ...record, ...join(before, record) })
    }
  }
  const records = [...found.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
  return [records, end !== undefined]
}
