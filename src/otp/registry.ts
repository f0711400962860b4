import * as v from 'valibot'
import { checkOptions, InvalidOption } from '../errors/index.js'
import { ExitError, noproc } from './exit.js'
import { type ProcessRef, sameProcess, type ViaName } from './ref.js'
import type { ProcessSystem } from './system.js'

/** What kind of {@link Registry} it is. */
export interface RegistryOptions {
  /** `unique`: one process for a key, a name of its own. `duplicate`: any number, for those who listen to the same thing. */
  readonly keys: 'unique' | 'duplicate'
}

/** A process under a key, with what it gave along. */
export interface RegistryEntry<Value = unknown> {
  readonly ref: ProcessRef
  readonly value: Value
}

/** What `register` gave: the process itself, or who has the key. */
export type RegisterAnswer =
  | { readonly ref: ProcessRef }
  | { readonly error: 'already_registered'; readonly ref: ProcessRef }

interface Owner<Key> {
  readonly ref: ProcessRef
  readonly keys: Set<Key>
  readonly demonitor: () => void
}

const registryOptions = v.strictObject({
  keys: v.picklist(['unique', 'duplicate'], "must be 'unique' or 'duplicate'"),
})

/**
 * Finds processes of this page by keys, which are compared as those of a `Map`. What a process has
 * registered goes with it, at once. Elixir's Registry; for names that hold in the whole mesh there
 * is the `name` of a start.
 *
 * @example
 * ```ts
 * const rooms = new Registry<string>({ keys: 'unique' })
 * await start(Room, { name: rooms.via('lobby') })
 * await call(rooms.via('lobby'), 'who')
 *
 * const topics = new Registry<string>({ keys: 'duplicate' })
 * topics.register(ref, 'news')
 * topics.dispatch('news', (entries) => entries.forEach(({ ref }) => send(ref, 'extra!')))
 * ```
 */
export class Registry<Key = string, Value = unknown> {
  /** Anything that shall be known wherever the registry is. Elixir's `put_meta` and `meta`. */
  readonly meta = new Map<string, unknown>()
  readonly #system: ProcessSystem
  readonly #isUnique: boolean
  readonly #entries = new Map<Key, RegistryEntry<Value>[]>()
  readonly #owners = new Map<string, Owner<Key>>()

  /** @throws {InvalidOption} */
  constructor(system: ProcessSystem, options: RegistryOptions) {
    this.#system = system
    this.#isUnique = checkOptions(registryOptions, options, 'Registry').keys === 'unique'
  }

  /**
   * Registers a process of this page under a key; one with duplicate keys may have the same key many times.
   *
   * @throws {ExitError} `noproc` when it does not live here
   */
  register(process: ProcessRef, key: Key, value?: Value): RegisterAnswer {
    if (!this.#system.alive(process)) throw new ExitError(noproc, 'register')
    const present = this.lookup(key)
    const [holder] = present
    if (this.#isUnique && holder !== undefined) return { error: 'already_registered', ref: holder.ref }
    this.#entries.set(key, [...present, { ref: process, value: value as Value }])
    this.#ownerOf(process).keys.add(key)
    return { ref: process }
  }

  /**
   * Takes back what a process has registered under a key.
   *
   * @param matches - only what has such a value, where keys are duplicate; Elixir's `unregister_match`
   */
  unregister(process: ProcessRef, key: Key, matches: (value: Value) => boolean = () => true): void {
    this.#drop(process, key, matches)
    if (this.#entries.get(key)?.some(({ ref }) => sameProcess(ref, process))) return
    const owner = this.#owners.get(process.id)
    owner?.keys.delete(key)
    if (owner?.keys.size !== 0) return
    owner.demonitor()
    this.#owners.delete(process.id)
  }

  /** The living processes under a key, in the order of their registrations; at most one where keys are unique. */
  lookup(key: Key): readonly RegistryEntry<Value>[] {
    // One that has just ended is told of in a moment, and is not there any more already.
    return this.#entries.get(key)?.filter(({ ref }) => this.#system.alive(ref)) ?? []
  }

  /** The keys of a process, each as often as it is registered. */
  keys(process: ProcessRef): Key[] {
    const keys = [...(this.#owners.get(process.id)?.keys ?? [])]
    return keys.flatMap((key) => this.values(process, key).map(() => key))
  }

  /** What a process gave along under a key. */
  values(process: ProcessRef, key: Key): Value[] {
    return this.lookup(key)
      .filter(({ ref }) => sameProcess(ref, process))
      .map(({ value }) => value)
  }

  /**
   * Changes what a process gave along. Only where keys are unique.
   *
   * @returns the values before and after; undefined when it has not registered the key
   * @throws {InvalidOption} where keys are duplicate
   */
  updateValue(
    process: ProcessRef,
    key: Key,
    update: (value: Value) => Value,
  ): { readonly before: Value; readonly after: Value } | undefined {
    this.#mustBeUnique('updateValue')
    const entry = this.lookup(key).find(({ ref }) => sameProcess(ref, process))
    if (entry === undefined) return undefined
    const after = update(entry.value)
    this.#entries.set(key, [{ ref: entry.ref, value: after }])
    return { before: entry.value, after }
  }

  /** Calls `act` with all under a key, if there are any: to send to each, or to choose one. */
  dispatch(key: Key, act: (entries: readonly RegistryEntry<Value>[]) => void): void {
    const entries = this.lookup(key)
    if (entries.length > 0) act(entries)
  }

  /** How many registrations there are. */
  count(): number {
    return this.entries().length
  }

  /** All registrations, to be filtered; Elixir's `match` and `select`. */
  entries(): (RegistryEntry<Value> & { readonly key: Key })[] {
    return [...this.#entries.keys()].flatMap((key) => this.lookup(key).map((entry) => ({ ...entry, key })))
  }

  /**
   * A name to start a process under, and to send to. Elixir's `{:via, Registry, {registry, key, value}}`.
   *
   * @throws {InvalidOption} where keys are duplicate
   */
  via(key: Key, value?: Value): ViaName {
    this.#mustBeUnique('via')
    return {
      whereis: () => this.lookup(key)[0]?.ref,
      register: (ref) => {
        const answer = this.register(ref, key, value)
        return 'error' in answer ? answer.ref : undefined
      },
    }
  }

  #ownerOf(process: ProcessRef): Owner<Key> {
    let owner = this.#owners.get(process.id)
    if (owner === undefined) {
      const demonitor = this.#system.monitor(process, () => this.#forget(process))
      owner = { ref: process, keys: new Set(), demonitor }
      this.#owners.set(process.id, owner)
    }
    return owner
  }

  #forget(process: ProcessRef): void {
    const owner = this.#owners.get(process.id)
    this.#owners.delete(process.id)
    for (const key of owner?.keys ?? []) this.#drop(process, key, () => true)
  }

  #drop(process: ProcessRef, key: Key, matches: (value: Value) => boolean): void {
    const present = this.#entries.get(key) ?? []
    const left = present.filter(({ ref, value }) => !(sameProcess(ref, process) && matches(value)))
    if (left.length === 0) this.#entries.delete(key)
    else this.#entries.set(key, left)
  }

  #mustBeUnique(call: string): void {
    if (!this.#isUnique) throw new InvalidOption('Registry.keys', 'duplicate', `must be 'unique' for ${call}`)
  }
}
