import { ScheduledEvent, seededRandom, type VirtualTime } from '../runtime/index.js'
import type { Delay } from './delays.js'
import type { NodeRuntime } from './node-runtime.js'
import type { TraceHash } from './trace-hash.js'

/** What is to become of one frame. One object serves all frames: copy nothing of it, keep nothing of it. */
export interface Fate {
  isDropped: boolean
  /** Milliseconds until it arrives. */
  delay: number
  /** How often it arrives beyond the first time. */
  extraCopies: number
}

/** A fault of the network: bends the fate of frames while it lasts. Draws chance from its own row only. */
export type Interference = (from: number, to: number, fate: Fate) => void

/** A node as the network sees it. */
export interface Endpoint<Frame> {
  /** 0, 1, 2 … in the order of joining; the node's name in traces and fault lists. */
  readonly number: number
  readonly runtime: NodeRuntime
  /** Chance of the network for frames that this node sends. */
  readonly networkChance: () => number
  /** One frame arrived, with the stack empty. */
  receive(from: Endpoint<Frame>, frame: Frame): void
}

export interface NetworkOptions {
  /** Probability that a frame is lost. */
  readonly loss: number
  readonly delay: Delay
}

/** Where a frame under way counts in the trace hash, told from timers by a number no event's name hashes to by accident. */
const arrival = 0x61727276

class Delivery<Frame> extends ScheduledEvent {
  readonly #network: Network<Frame>
  from: Endpoint<Frame> | undefined
  to: Endpoint<Frame> | undefined
  frame: Frame | undefined

  constructor(network: Network<Frame>) {
    super()
    this.#network = network
  }

  run(): void {
    this.#network.arrive(this)
  }
}

/**
 * The simulated network of one run: carries frames, objects as they are, from node to node, late,
 * never or twice, as seeded chance and the faults in force have it. Frames to a frozen node wait
 * for it; frames to a node that is gone are lost.
 */
export class Network<Frame> {
  readonly #time: VirtualTime
  readonly #hash: TraceHash
  readonly #seed: string | number
  #options: NetworkOptions
  readonly #interferences: Interference[] = []
  readonly #idle: Delivery<Frame>[] = []
  readonly #fate: Fate = { isDropped: false, delay: 0, extraCopies: 0 }
  /** Sees every frame that is sent, before its fate is known. For measurements. */
  onSend: ((from: Endpoint<Frame>, to: Endpoint<Frame>, frame: Frame) => void) | undefined
  sent = 0
  delivered = 0
  lost = 0

  constructor(time: VirtualTime, hash: TraceHash, seed: string | number, options: NetworkOptions) {
    this.#time = time
    this.#hash = hash
    this.#seed = seed
    this.#options = options
  }

  /** The row of chance for what the node of this name will send. */
  chanceFor(name: string): () => number {
    return seededRandom(`${this.#seed}/network/${name}`)
  }

  /** Replaces loss and delay for good: the liveness phase is run on a kinder network. */
  set(options: NetworkOptions): void {
    this.#options = options
  }

  /** Puts a fault in force; the function that is returned ends it. */
  interfere(interference: Interference): () => void {
    this.#interferences.push(interference)
    return () => {
      const index = this.#interferences.indexOf(interference)
      if (index >= 0) this.#interferences.splice(index, 1)
    }
  }

  send(from: Endpoint<Frame>, to: Endpoint<Frame>, frame: Frame): void {
    this.sent++
    this.onSend?.(from, to, frame)
    const fate = this.#fate
    // Both are drawn for every frame, whatever becomes of it, so that a fault shifts no other frame's chance.
    fate.isDropped = from.networkChance() < this.#options.loss
    fate.delay = this.#options.delay(from.networkChance)
    fate.extraCopies = 0
    if (this.#interferences.length !== 0) {
      for (const interference of this.#interferences) interference(from.number, to.number, fate)
    }
    if (fate.isDropped) {
      this.lost++
      return
    }
    this.#dispatch(from, to, frame, fate.delay)
    for (let copy = 1; copy <= fate.extraCopies; copy++)
      this.#dispatch(from, to, frame, fate.delay * (1 + copy))
  }

  #dispatch(from: Endpoint<Frame>, to: Endpoint<Frame>, frame: Frame, delay: number): void {
    const delivery = this.#idle.pop() ?? new Delivery<Frame>(this)
    delivery.from = from
    delivery.to = to
    delivery.frame = frame
    this.#time.schedule(delivery, delay)
  }

  /** For the deliveries. */
  arrive(delivery: Delivery<Frame>): void {
    const { from, to, frame } = delivery
    if (from === undefined || to === undefined || frame === undefined) return
    // A frozen node keeps the delivery itself, so it may not be reused yet.
    if (!to.runtime.isStopped && !to.runtime.admitsFrame(delivery)) return
    delivery.from = undefined
    delivery.to = undefined
    delivery.frame = undefined
    this.#idle.push(delivery)
    if (to.runtime.isStopped) {
      this.lost++
      return
    }
    const hash = this.#hash
    hash.integer(arrival)
    hash.integer((from.number << 16) ^ to.number)
    hash.number(this.#time.now)
    this.delivered++
    to.receive(from, frame)
  }
}
