import type { Runtime } from '../../runtime/index.js'
import type { Change, Persistence } from '../persistence.js'

export interface MemoryPersistenceOptions {
  /** Whether writes marked durable count as such, as an edge worker's disk in the simulator. Default false. */
  durable?: boolean
  /** Milliseconds that a write takes. Default 0. */
  delay?: number
  /** Bytes of values that fit; a write beyond fails with `QuotaExceededError`. Default: no limit. */
  quota?: number
  /** Writes stay in a cache until a durable one flushes them, as in that of an operating system: a power failure takes them. */
  isCached?: boolean
  /** What an earlier life left; the map is written to, so it may be given to a later one. */
  medium?: Map<string, Uint8Array>
}

/**
 * Storage in memory, for tests, for the simulator, and where nothing shall be left behind. Its
 * `medium` outlives it, as a disk outlives a process: what was written is there, what was under
 * way is not.
 */
export function memoryPersistence(runtime: Runtime, options: MemoryPersistenceOptions = {}): Persistence {
  const { durable = false, delay = 0, quota = Number.POSITIVE_INFINITY, medium = new Map() } = options
  const { isCached = false } = options
  let cache: Change[] = []
  let isClosed = false
  let waiting: (() => void)[] = []
  let underWay = 0
  const later = (work: () => void) => {
    underWay++
    runtime.timer(delay, () => {
      work()
      underWay--
      if (underWay > 0) return
      const done = waiting
      waiting = []
      for (const finish of done) finish()
    })
  }
  const closed = () => new Error('the storage is closed')
  return {
    durable,
    load(entry, done) {
      if (isClosed) {
        later(() => done(closed()))
        return
      }
      later(() => {
        for (const [key, value] of [...medium]) entry(key, value)
        done(undefined)
      })
    },
    write(batch, mustFlush, done) {
      if (isClosed) {
        later(() => done(closed()))
        return
      }
      later(() => {
        if (quota < Number.POSITIVE_INFINITY && sizeWith(medium, batch) > quota) {
          done(Object.assign(new Error('the storage is full'), { name: 'QuotaExceededError' }))
          return
        }
        // Copies: the caller may use its buffers again.
        for (const [key, value] of batch) cache.push([key, value?.slice()])
        if (mustFlush || !isCached) {
          for (const [key, value] of cache) {
            if (value === undefined) medium.delete(key)
            else medium.set(key, value)
          }
          cache = []
        }
        done(undefined)
      })
    },
    close(done) {
      isClosed = true
      if (underWay > 0) waiting.push(done)
      else runtime.timer(0, done)
    },
  }
}

/** Bytes of all values once these changes are made. */
function sizeWith(medium: ReadonlyMap<string, Uint8Array>, batch: readonly Change[]): number {
  let bytes = 0
  const after = new Map(batch)
  for (const [key, value] of medium) if (!after.has(key)) bytes += value.byteLength
  for (const value of after.values()) bytes += value?.byteLength ?? 0
  return bytes
}
