import type { PeerId } from '../wire/index.js'
import type { MeshNode } from './mesh-node.js'
import type { Answer, Entered } from './process-work.js'

/** What the witness needs of the world that it sees. */
export interface WitnessWorld {
  /** Something was looked at that must be right. */
  asked(invariant: string): void
  /** Something went wrong that must never go wrong. */
  wrong(invariant: string, explanation: string): void
  nameOf(id: PeerId): string
  living(): readonly MeshNode[]
  /** Whether a fault may hold back what is sent to a page, or what it does itself. */
  isSlow(node: MeshNode): boolean
  /** Whether either of two has believed the other gone. */
  wereApart(one: MeshNode, other: MeshNode): boolean
}

/** Sees what the processes of a world do, and judges at once what must never happen. */
export class ProcessWitness {
  readonly entered: Entered[] = []
  readonly #world: WitnessWorld
  /** Which process answered for a key in an epoch. */
  readonly #answering = new Map<string, string>()
  /** The latest answer that a page has had from the processes of a key. */
  readonly #latest = new Map<string, Answer>()

  constructor(world: WitnessWorld) {
    this.#world = world
  }

  /** A process answers for a key: no other one may in that epoch, ever. */
  answers({ key, peer, process, epoch }: Answer): void {
    const world = this.#world
    world.asked('one-per-epoch')
    const name = `${key} in epoch ${epoch} of ${world.nameOf(peer)}`
    const known = this.#answering.get(name) ?? process
    this.#answering.set(name, known)
    if (known !== process) world.wrong('one-per-epoch', `${name} is ${known} and ${process}`)
  }

  /** A page has been answered: never in an earlier epoch than before. */
  answered(caller: MeshNode, answer: Answer): void {
    const world = this.#world
    world.asked('answers-go-forward')
    const name = `${caller.name} ${answer.key}`
    const before = this.#latest.get(name)
    if (before !== undefined && isEarlier(answer, before))
      world.wrong(
        'answers-go-forward',
        `${caller.name} was answered for ${answer.key} in epoch ${answer.epoch} by ${world.nameOf(answer.peer)}, after ${before.epoch} by ${world.nameOf(before.peer)}`,
      )
    this.#latest.set(name, answer)
  }

  /** A start under a name has resolved: everybody who can be told knows it. */
  named(holder: MeshNode, name: string): void {
    const world = this.#world
    const ref = holder.processes.system.whereis(name)
    // It may have lost the name to another in the same moment, or been stopped by the next.
    if (ref === undefined || ref.peer !== holder.info.id || !holder.processes.system.alive(ref)) return
    if (world.isSlow(holder)) return
    for (const node of world.living()) {
      if (node === holder || node.page === 'joining' || world.wereApart(holder, node)) continue
      const isLinked = isLinkedTo(node, holder) && isLinkedTo(holder, node)
      if (!isLinked || world.isSlow(node) || node.runtime.isFrozen || !node.runtime.isExact) continue
      world.asked('read-your-writes')
      if (node.processes.system.whereis(name) === undefined)
        world.wrong('read-your-writes', `${name} started on ${holder.name} and ${node.name} does not know it`)
    }
  }
}

/** Epochs are ordered by their numbers, then by who runs it; the answers of one process may overtake each other. */
function isEarlier(answer: Answer, before: Answer): boolean {
  if (answer.peer === before.peer) return false
  return answer.epoch === before.epoch ? answer.peer < before.peer : answer.epoch < before.epoch
}

export function isLinkedTo(one: MeshNode, other: MeshNode): boolean {
  const member = one.core.member(other.info.id)
  return member?.state === 'alive' && member.link !== 'none'
}
