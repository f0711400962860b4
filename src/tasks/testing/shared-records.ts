import type { Runtime } from '../../runtime/index.js'
import type { DurableRecords } from '../durable-record.js'

/**
 * A sharded state that loses nothing, for tests: one table, seen by every peer through its own
 * `view` with a delay there and back on that peer's clock. What a crashed peer had sent still counts.
 */
export class SharedRecords {
  readonly table = new Map<string, unknown>()
  readonly #watches = new Map<string, Set<() => void>>()
  /** Every write, for invariants. */
  onWrite: (key: string, before: unknown, after: unknown) => void = () => {}

  view(runtime: Pick<Runtime, 'timer'>, delay = 2): DurableRecords {
    const wait = () => new Promise<void>((resolve) => runtime.timer(delay, resolve))
    return {
      get: async (key) => {
        await wait()
        const value = this.table.get(key)
        await wait()
        return value
      },
      put: async (key, value) => {
        await wait()
        this.#write(key, value)
        await wait()
      },
      update: async (key, change) => {
        await wait()
        this.#write(key, change(this.table.get(key)))
        await wait()
      },
      delete: async (key) => {
        await wait()
        this.#write(key, undefined)
        await wait()
      },
      watch: (key, changed) => {
        const tell = () => runtime.timer(delay, () => changed(this.table.get(key)))
        const watches = this.#watches.get(key) ?? new Set()
        this.#watches.set(key, watches)
        watches.add(tell)
        tell()
        return () => watches.delete(tell)
      },
      entries: async function* (this: SharedRecords, { prefix }: { prefix: string }) {
        await wait()
        const entries = [...this.table].filter(([key]) => key.startsWith(prefix)).sort()
        await wait()
        yield* entries
      }.bind(this),
    }
  }

  #write(key: string, value: unknown): void {
    const before = this.table.get(key)
    this.onWrite(key, before, value)
    if (value === undefined) this.table.delete(key)
    else this.table.set(key, value)
    for (const tell of this.#watches.get(key) ?? []) tell()
  }
}
