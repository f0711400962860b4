import type { ExitReason } from './exit.js'
import type { Process } from './process.js'
import type { ProcessRef } from './ref.js'

/** Which process has which name. */
export interface NameTable {
  lookup(name: string): ProcessRef | undefined
  /** Registers a name; `done` with the reason where it cannot be had: `already_started`, `timeout`. */
  claim(name: string, process: Process, done: (refusal: ExitReason | undefined) => void): void
  /** Its process has begun: `done` when all know the name, with the reason where it was lost meanwhile. */
  confirm(process: Process, done: (refusal: ExitReason | undefined) => void): void
  /** The process has ended: its names are free. */
  release(process: Process): void
}

/** The names of one page that is in no mesh. */
export class LocalNames implements NameTable {
  readonly #names = new Map<string, Process>()

  lookup(name: string): ProcessRef | undefined {
    return this.#names.get(name)?.ref
  }

  claim(name: string, process: Process, done: (refusal: ExitReason | undefined) => void): void {
    const holder = this.#names.get(name)
    if (holder === undefined) {
      this.#names.set(name, process)
      process.names.add(name)
    }
    done(holder === undefined ? undefined : { type: 'already_started', ref: holder.ref })
  }

  confirm(_process: Process, done: (refusal: ExitReason | undefined) => void): void {
    done(undefined)
  }

  release(process: Process): void {
    for (const name of process.names) if (this.#names.get(name) === process) this.#names.delete(name)
  }
}
