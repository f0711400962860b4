import type { Runtime, Timer } from '../../src/runtime/index.js'
import { peerJsFrame } from './peerjs-message.js'

/** Milliseconds that a message waits for somebody who is not there, as at PeerServer (`expire_timeout`). */
export const waitingTime = 5_000

/** Messages that wait for one peer: an offer and more candidates than a machine has addresses for. */
const longestQueue = 64

/** Bytes of messages of one sender that wait: calls to a hundred peers who are not there yet. */
const mostBytesOfOne = 1024 * 1024

/** Bytes of messages that wait in all, {@link overhead} included: two thousand offers of 8 KiB. */
const mostBytes = 16 * 1024 * 1024

/** What a message costs besides its bytes, in bytes: at worst a queue and a timer of its own. */
const overhead = 512

interface Queue {
  readonly messages: { readonly src: string; readonly frame: Uint8Array }[]
  readonly timer: Timer
}

/**
 * Messages for peers that are not there yet: a client may be called a moment before it has come, or
 * while it changes sockets. Who calls somebody who does not come in time is told EXPIRE.
 */
export class WaitingMessages {
  readonly #runtime: Runtime
  readonly #deliver: (to: string, frame: Uint8Array) => boolean
  readonly #queues = new Map<string, Queue>()
  /** By sender; nobody with none. */
  readonly #bytesOf = new Map<string, number>()
  #bytes = 0

  /** @param deliver - sends a frame; false when the peer is not there */
  constructor(runtime: Runtime, deliver: (to: string, frame: Uint8Array) => boolean) {
    this.#runtime = runtime
    this.#deliver = deliver
  }

  /** Keeps a message from `src` until `dst` comes or the time is up. */
  add(src: string, dst: string, frame: Uint8Array): void {
    let queue = this.#queues.get(dst)
    const ofOne = (this.#bytesOf.get(src) ?? 0) + cost(frame)
    if (
      ofOne > mostBytesOfOne ||
      this.#bytes + cost(frame) > mostBytes ||
      (queue?.messages.length ?? 0) >= longestQueue
    ) {
      this.#expire(src, dst)
      return
    }
    if (queue === undefined) {
      queue = {
        messages: [],
        timer: this.#runtime.timer(waitingTime, () => this.#giveUp(dst, this.#take(dst))),
      }
      this.#queues.set(dst, queue)
    }
    queue.messages.push({ src, frame })
    this.#bytes += cost(frame)
    this.#bytesOf.set(src, ofOne)
  }

  /** Somebody came: what waited for them is sent, in its order. */
  arrived(dst: string): void {
    if (!this.#queues.has(dst)) return
    // Not at once: the one who comes is told so first.
    this.#runtime.timer(0, () => {
      this.#giveUp(
        dst,
        this.#take(dst).filter(({ frame }) => !this.#deliver(dst, frame)),
      )
    })
  }

  #giveUp(dst: string, messages: Queue['messages']): void {
    for (const src of new Set(messages.map((message) => message.src))) this.#expire(src, dst)
  }

  #take(dst: string): Queue['messages'] {
    const queue = this.#queues.get(dst)
    if (queue === undefined) return []
    queue.timer.cancel()
    this.#queues.delete(dst)
    for (const { src, frame } of queue.messages) {
      this.#bytes -= cost(frame)
      const left = (this.#bytesOf.get(src) ?? 0) - cost(frame)
      if (left > 0) this.#bytesOf.set(src, left)
      else this.#bytesOf.delete(src)
    }
    return queue.messages
  }

  #expire(src: string, dst: string): void {
    this.#deliver(src, peerJsFrame({ type: 'EXPIRE', src: dst, dst: src }))
  }
}

function cost(frame: Uint8Array): number {
  return frame.byteLength + overhead
}
