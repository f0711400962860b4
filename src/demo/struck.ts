import { type ReadonlySignal, signal } from '@preact/signals'
import type { Chaos, Supervisor } from '../index.js'
import { strikeCompute } from './compute-thread.js'
import { type Fault, freezeFor } from './fault.js'
import type { Freezer } from './freezer.js'
import type { LastWords } from './last-words.js'
import type { Deeds } from './orders.js'

/** What is left where a page was: a word on what happened, and the way back. */
const grave = 'killed.html'

/** What other pages of the demo have this page do to itself, and which of it lasts. */
export class Struck {
  readonly deeds: Deeds
  readonly #chaos: Chaos
  readonly #by = signal<Fault | undefined>(undefined)

  constructor(page: { tree: Supervisor; chaos: Chaos; freezer: Freezer; lastWords: LastWords }) {
    this.#chaos = page.chaos
    this.deeds = {
      'crash-worker': () => void strikeCompute(page.tree, 'crash'),
      'hang-worker': () => void strikeCompute(page.tree, 'hang'),
      freeze: () => {
        this.#by.value = 'freeze'
        page.freezer.freezeFor(freezeFor)
        // Fires when the page has thawed: its timers are frozen as well.
        setTimeout(() => this.#end('freeze'), freezeFor)
      },
      cut: () => {
        page.chaos.cut('all')
        this.#by.value = 'cut'
      },
      heal: () => this.heal(),
      kill: () => {
        page.lastWords.hold()
        location.replace(`${grave}${location.search}`)
      },
    }
  }

  /** The fault that this page is in. */
  get by(): ReadonlySignal<Fault | undefined> {
    return this.#by
  }

  /** Connects this page again. */
  heal(): void {
    this.#chaos.heal()
    this.#end('cut')
  }

  #end(fault: Fault): void {
    if (this.#by.value === fault) this.#by.value = undefined
  }
}
