import type { Runtime } from '../runtime/index.js'
import type { Epoch } from './placed-epoch.js'
import {
  type GivenRecord,
  type PlacedRecord,
  type PlacedSnapshot,
  packRecord,
  unpackRecord,
} from './placed-record.js'
import type { SnapshotStore } from './snapshot-store.js'

/** What placed processes leave behind for their next owners, in whatever store there is. */
export class PlacedRecords {
  readonly #store: SnapshotStore | undefined
  readonly #runtime: Runtime

  constructor(store: SnapshotStore | undefined, runtime: Runtime) {
    this.#store = store
    this.#runtime = runtime
  }

  /** Whether anything outlives its owner at all. */
  get kept(): boolean {
    return this.#store !== undefined
  }

  /** `done` with undefined where there is none; `unreadable` where there may be one that cannot be had now. */
  read(placed: string, key: string, done: (record: PlacedRecord | 'unreadable' | undefined) => void): void {
    if (this.#store === undefined) {
      done(undefined)
      return
    }
    this.#store.get(storeKey(placed, key), (bytes, error) => {
      if (error !== undefined) {
        this.#warn('a snapshot could not be read', placed, key, error)
        done('unreadable')
      } else done(bytes === undefined ? undefined : unpackRecord(bytes))
    })
  }

  /**
   * `done` with whether it will outlive this peer, which what cannot be packed never will, and with
   * what others have written that is not in it.
   */
  save(
    placed: string,
    key: string,
    record: GivenRecord,
    done: (isKept: boolean | 'unpackable', beside: readonly PlacedSnapshot[]) => void,
  ): void {
    if (this.#store === undefined) {
      done(true, [])
      return
    }
    let bytes: Uint8Array
    try {
      bytes = packRecord(record)
    } catch (error) {
      this.#warn('a snapshot cannot be packed', placed, key, error as Error)
      done('unpackable', [])
      return
    }
    this.#store.put(storeKey(placed, key), bytes, (joined, error) => {
      if (error !== undefined) this.#warn('a snapshot was not kept', placed, key, error)
      done(error === undefined, joined === bytes ? [] : (unpackRecord(joined)?.beside ?? []))
    })
  }

  /** It has ended for good: its record goes, unless it has gone on in a later epoch. */
  delete(placed: string, key: string, ended: Epoch): void {
    const last = packRecord({ ...ended, args: undefined, snapshot: undefined })
    this.#store?.delete(storeKey(placed, key), last, (error) => {
      if (error !== undefined) this.#warn('a snapshot was not deleted', placed, key, error)
    })
  }

  #warn(what: string, placed: string, key: string, error: Error): void {
    this.#runtime.log('warn', what, { placed, key, error: error.message })
  }
}

function storeKey(placed: string, key: string): string {
  return `${encodeURIComponent(placed)}/${key}`
}
