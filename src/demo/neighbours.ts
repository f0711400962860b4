import { type Fault, isFault } from './fault.js'
import type { Deeds } from './orders.js'

/** What the demo's pages of one browser say to each other beside the mesh. */
type Word =
  | { readonly say: 'who' }
  | { readonly say: 'here'; readonly id: string }
  | { readonly say: 'do'; readonly id: string; readonly fault: Fault }

/**
 * The demo's other pages in this browser. They hear orders also when they are cut off from the mesh, which is what
 * makes it possible to connect them again.
 */
export class Neighbours {
  readonly #channel = new BroadcastChannel('ringmesh demo')
  readonly #ids = new Set<string>()

  constructor(self: string, deeds: Deeds) {
    this.#channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      const word = readWord(data)
      if (word?.say === 'who') this.#say({ say: 'here', id: self })
      if (word?.say === 'here') this.#ids.add(word.id)
      if (word?.say === 'do' && word.id === self) deeds[word.fault]?.()
    }
    this.#say({ say: 'here', id: self })
    this.#say({ say: 'who' })
  }

  has(id: string): boolean {
    return this.#ids.has(id)
  }

  order(id: string, fault: Fault): void {
    this.#say({ say: 'do', id, fault })
  }

  #say(word: Word): void {
    this.#channel.postMessage(word)
  }
}

function readWord(data: unknown): Word | undefined {
  if (typeof data !== 'object' || data === null) return undefined
  const { say, id, fault } = data as { say?: unknown; id?: unknown; fault?: unknown }
  if (say === 'who') return { say }
  if (typeof id !== 'string') return undefined
  if (say === 'here') return { say, id }
  return say === 'do' && isFault(fault) ? { say, id, fault } : undefined
}
