import { createStore, promisifyRequest, type UseStore } from 'idb-keyval'
import type { Change, Persistence } from '../persistence.js'

/** The part of the Web Locks API that is used; `navigator.locks` in a page. */
export type Locks = Pick<LockManager, 'request'>

export interface IndexedDbPersistenceOptions {
  /** The room: each has a database of its own, `ringmesh/<room>`. */
  room: string
  /** This page's id, fresh for every load: names its part of the database and its lock. */
  page: string
  /** Web Locks; default `navigator.locks`. Undefined there (an insecure origin): nothing is adopted or written. */
  locks?: Locks | undefined
}

/** Between a page's id, which has none, and a key. */
const separator = '/'

/**
 * Storage in IndexedDB by idb-keyval, one database a room, in which every page has a part of its
 * own, named by its id and guarded by a Web Lock for as long as it lives. A page that starts takes
 * over the parts whose lock is free: the browser frees it when a page is closed, reloaded or
 * crashes, so there is nothing to clean up and no time to wait. It goes on writing in the first
 * part that it took over, and copies others into it before it removes them.
 */
export function indexedDbPersistence(options: IndexedDbPersistenceOptions): Persistence {
  const { room, page } = options
  const locks = 'locks' in options ? options.locks : globalThis.navigator?.locks
  const use = createStore(`ringmesh/${room}`, 'state')
  let held: (() => void)[] = []
  let part = page
  let isClosed = false
  // Writes follow one another, so that a page's part is never older than what was acknowledged last.
  let last: Promise<unknown> = Promise.resolve()

  async function load(entry: (key: string, value: Uint8Array) => void): Promise<void> {
    if (locks === undefined) return
    const lockName = (id: string) => `ringmesh/${room}/${id}`
    const orphans: string[] = []
    for (const id of await parts(use)) {
      const release = await tryLock(locks, lockName(id))
      if (release === undefined) continue
      held.push(release)
      orphans.push(id)
    }
    if (orphans[0] === undefined) {
      const release = await tryLock(locks, lockName(page))
      if (release === undefined) throw new Error(`another page has the id ${page}`)
      held.push(release)
      return
    }
    part = orphans[0]
    for (const [index, id] of orphans.entries()) {
      const records = await readPart(use, id)
      for (const [key, value] of records) entry(key, value)
      if (index > 0) await movePart(use, id, part, records)
    }
  }

  async function write(batch: readonly Change[]): Promise<void> {
    if (isClosed) throw new Error('the storage is closed')
    if (locks === undefined) return
    await use('readwrite', (objects) => {
      for (const [key, value] of batch) {
        if (value === undefined) objects.delete(part + separator + key)
        else objects.put(value, part + separator + key)
      }
      return promisifyRequest(objects.transaction)
    })
  }

  const inTurn = (work: () => Promise<void>, done: (error: Error | undefined) => void) => {
    const turn = last.then(work)
    last = turn.catch(() => {})
    turn.then(
      () => done(undefined),
      (error: unknown) => done(error instanceof Error ? error : asError(error)),
    )
  }

  return {
    // The browser may lose it with the power, and the person may clear it: only an edge worker's disk counts.
    durable: false,
    load: (entry, done) => inTurn(() => load(entry), done),
    write: (batch, _durable, done) => inTurn(() => write(batch), done),
    close(done) {
      inTurn(
        async () => {
          isClosed = true
          for (const release of held) release()
          held = []
        },
        () => done(),
      )
    },
  }
}

/** The ids of the pages that have a part: one step of a cursor each, however much they hold. */
async function parts(use: UseStore): Promise<string[]> {
  return use('readonly', async (objects) => {
    const ids: string[] = []
    let after = ''
    for (;;) {
      const range = after === '' ? undefined : IDBKeyRange.lowerBound(after, true)
      const cursor = await promisifyRequest(objects.openKeyCursor(range))
      if (cursor === null) return ids
      const id = String(cursor.key).split(separator)[0] ?? ''
      ids.push(id)
      after = id + endOfPart
    }
  })
}

/** Sorts after every key of a part. */
const endOfPart = `${separator}\uffff`

function rangeOf(id: string): IDBKeyRange {
  return IDBKeyRange.bound(id + separator, id + endOfPart)
}

async function readPart(use: UseStore, id: string): Promise<[string, Uint8Array][]> {
  return use('readonly', async (objects) => {
    const [keys, values] = await Promise.all([
      promisifyRequest(objects.getAllKeys(rangeOf(id))),
      promisifyRequest<unknown[]>(objects.getAll(rangeOf(id))),
    ])
    const records: [string, Uint8Array][] = []
    for (const [index, key] of keys.entries()) {
      const value = values[index]
      if (value instanceof Uint8Array) records.push([String(key).slice(id.length + 1), value])
    }
    return records
  })
}

/** In one transaction: at no moment is a record in neither part. */
async function movePart(
  use: UseStore,
  from: string,
  to: string,
  records: readonly (readonly [string, Uint8Array])[],
): Promise<void> {
  await use('readwrite', async (objects) => {
    const there = new Set(await promisifyRequest(objects.getAllKeys(rangeOf(to))))
    // What both have is joined by the state service, which writes the outcome.
    for (const [key, value] of records)
      if (!there.has(to + separator + key)) objects.put(value, to + separator + key)
    objects.delete(rangeOf(from))
    return promisifyRequest(objects.transaction)
  })
}

/** Takes a lock if it is free, and holds it until the returned function is called or the page is gone. */
function tryLock(locks: Locks, name: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    locks
      .request(name, { ifAvailable: true }, (lock) => {
        if (lock === null) {
          resolve(undefined)
          return undefined
        }
        return new Promise<void>((release) => resolve(() => release()))
      })
      .catch(reject)
  })
}

function asError(thrown: unknown): Error {
  const { name, message } = thrown as { name?: string; message?: string }
  return Object.assign(new Error(message ?? String(thrown)), { name: name ?? 'Error' })
}
