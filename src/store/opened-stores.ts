import { InvalidOption } from '../errors/index.js'
import type { Coordinator } from './coordinator.js'
import type { Restamp } from './merges/restamp.js'
import {
  type CheckedStoreOptions,
  checkStoreName,
  checkStoreOptions,
  type OwnStoreTerms,
  type StoreOptions,
} from './options.js'
import { Store } from './store.js'

/** The stores that this peer has opened: one for each name. */
export class OpenedStores {
  readonly #coordinator: Coordinator
  readonly #stores = new Map<string, { store: Store<unknown>; options: CheckedStoreOptions }>()

  constructor(coordinator: Coordinator) {
    this.#coordinator = coordinator
  }

  /** @throws {InvalidOption} for a bad name or option, or options that differ from those it was opened with */
  open<Value>(name: string, options: StoreOptions<Value>, terms: OwnStoreTerms): Store<Value> {
    checkStoreName(name)
    const checked = { ...checkStoreOptions(options), ...terms }
    const opened = this.#stores.get(name)
    if (opened !== undefined) {
      for (const option of ['replicas', 'writes', 'reads', 'merge', 'largest', 'timeout'] as const) {
        if (checked[option] !== opened.options[option])
          throw new InvalidOption(
            `store.${option}`,
            checked[option],
            `must be ${String(opened.options[option])}, as where '${name}' was opened first`,
          )
      }
      return opened.store as unknown as Store<Value>
    }
    const store = new Store<Value>(this.#coordinator, name, checked)
    this.#stores.set(name, { store: store as unknown as Store<unknown>, options: checked })
    return store
  }

  /** Puts right what the stores remember, when this machine's clock turned out to be ahead. */
  restamp(restamp: Restamp): void {
    for (const { store } of this.#stores.values()) store.restamp(restamp)
  }
}
