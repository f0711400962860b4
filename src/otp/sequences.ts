import * as v from 'valibot'
import { unpackValue } from '../wire/index.js'
import type { Deadline, Deadlines } from './deadlines.js'

/**
 * Milliseconds that a gap in a sender's numbers is waited for: longer than any way through the mesh
 * takes, and less than half of what a call waits.
 */
const gapTimeout = 2_000

/** Messages of one sender that are held back at most; past it the gap is taken as lost. */
const mostHeld = 10_000

const packedShape = v.array(v.tuple([v.string(), v.pipe(v.number(), v.safeInteger(), v.minValue(0))]))

/** The numbers that are expected of each sender, as a peer packed them. @throws when they are none */
export function unpackExpected(packed: Uint8Array): [sender: string, next: number][] {
  return v.parse(packedShape, unpackValue(packed))
}

interface Sender {
  next: number
  readonly held: Map<number, () => void>
  gap: Deadline | undefined
}

/**
 * Keeps each sender's messages in order while a placed process moves, when some of them come
 * straight and some by way of the old owner.
 */
export class Sequences {
  readonly #deadlines: Deadlines
  readonly #senders = new Map<string, Sender>()

  constructor(deadlines: Deadlines, expected: Iterable<readonly [string, number]> = []) {
    this.#deadlines = deadlines
    for (const [sender, next] of expected)
      this.#senders.set(sender, { next, held: new Map(), gap: undefined })
  }

  /** The next number expected of each sender, for the next owner. */
  expected(): [string, number][] {
    return [...this.#senders].map(([sender, { next }]) => [sender, next])
  }

  /** Calls `deliver` in its turn. */
  take(from: string, number: number, deliver: () => void): void {
    let sender = this.#senders.get(from)
    if (sender === undefined) {
      sender = { next: number, held: new Map(), gap: undefined }
      this.#senders.set(from, sender)
    }
    if (number < sender.next) {
      // It came too late for its turn, and nothing is ever sent twice.
      deliver()
      return
    }
    sender.held.set(number, deliver)
    this.#release(sender)
  }

  /**
   * Delivers what is held back, gaps or not: the process moves, and its next owner has to count it.
   * The numbers that are expected stay as they are.
   */
  flush(): void {
    for (const sender of this.#senders.values()) {
      sender.gap?.cancel()
      sender.gap = undefined
      const held = [...sender.held].sort(([a], [b]) => a - b)
      sender.held.clear()
      for (const [, deliver] of held) deliver()
    }
  }

  /** A sender is gone, and its messages with it. */
  forget(from: string): void {
    this.#senders.get(from)?.gap?.cancel()
    this.#senders.delete(from)
  }

  close(): void {
    for (const { gap } of this.#senders.values()) gap?.cancel()
    this.#senders.clear()
  }

  #release(sender: Sender): void {
    for (
      let deliver = sender.held.get(sender.next);
      deliver !== undefined;
      deliver = sender.held.get(sender.next)
    ) {
      sender.held.delete(sender.next++)
      deliver()
    }
    sender.gap?.cancel()
    sender.gap = undefined
    if (sender.held.size === 0) return
    if (sender.held.size > mostHeld) this.#skip(sender)
    else sender.gap = this.#deadlines.add(gapTimeout, () => this.#skip(sender))
  }

  #skip(sender: Sender): void {
    sender.next = Math.min(...sender.held.keys())
    this.#release(sender)
  }
}
