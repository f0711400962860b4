import type { PeerId } from '../wire/index.js'
import type { MeshNode } from './mesh-node.js'

type Page = Pick<MeshNode, 'name' | 'info'>

/** What the witness needs of the world that it sees. */
export interface MessageWorld<Node extends Page> {
  /** Something was looked at that must be right. */
  asked(invariant: string): void
  /** Something went wrong that must never go wrong. */
  wrong(invariant: string, explanation: string): void
  node(id: PeerId): Node | undefined
  /** Whether either of two has believed the other gone, which ends their session and what was under way in it. */
  wereApart(one: Node | undefined, other: Node | undefined): boolean
  /** Nodes that sent frames of chance's making. */
  readonly hostile: ReadonlySet<PeerId>
}

/** Sees the numbered messages of a world arrive, and that each does once and in order. */
export class MessageWitness<Node extends Page> {
  readonly #world: MessageWorld<Node>
  /** By receiver, then by sender: the number of the latest message that came. */
  readonly #latest = new Map<PeerId, Map<PeerId, number>>()

  constructor(world: MessageWorld<Node>) {
    this.#world = world
  }

  received(receiver: Node, from: PeerId, number: number): void {
    const world = this.#world
    const last = this.#note(receiver.info.id, from, number)
    if (world.hostile.has(from) || world.hostile.has(receiver.info.id)) return
    world.asked('once-and-in-order')
    const sender = world.node(from)
    const what = `${receiver.name} got message ${number} of ${sender?.name ?? from} after ${last}`
    if (number <= last) world.wrong('once-and-in-order', what)
    else if (number !== last + 1 && !world.wereApart(receiver, sender)) {
      world.wrong('once-and-in-order', `${what}: some are lost`)
    }
  }

  /** Answers the number of the latest before. */
  #note(receiver: PeerId, sender: PeerId, number: number): number {
    const latest = this.#latest.get(receiver) ?? new Map<PeerId, number>()
    const last = latest.get(sender) ?? 0
    latest.set(sender, Math.max(last, number))
    this.#latest.set(receiver, latest)
    return last
  }
}
