import type { PeerId } from '../wire/index.js'
import type { MeshNode } from './mesh-node.js'
import type { MeshWorld } from './mesh-world.js'
import type { Answer, Entered } from './process-work.js'

/** Milliseconds in which a new page has heard of all others for certain: joining takes 30 s at most. */
const acquaintance = 30_000

/** Sees what the processes of a world do, and judges at once what must never happen. */
export class ProcessWitness {
  readonly entered: Entered[] = []
  readonly #world: MeshWorld
  /** Who answered for a key in an epoch: the process by its peer. */
  readonly #answering = new Map<string, Map<PeerId, string>>()
  /** The latest answer that a page has had from the processes of a key. */
  readonly #latest = new Map<string, Answer>()

  constructor(world: MeshWorld) {
    this.#world = world
  }

  /** A process answers for a key: no other one may in that epoch, unless their pages could not know of each other. */
  answers({ key, peer, process, epoch }: Answer): void {
    const world = this.#world
    world.asked('one-per-epoch')
    const name = `${key} in epoch ${epoch}`
    const known = this.#answering.get(name)
    if (known === undefined) {
      this.#answering.set(name, new Map([[peer, process]]))
      return
    }
    const before = known.get(peer)
    if (before !== undefined) {
      if (before !== process)
        world.wrong('one-per-epoch', `${name} on ${world.nameOf(peer)} is ${before} and ${process}`)
      return
    }
    for (const [other] of known) {
      if (!world.wereApart(world.node(peer), world.node(other)) && !this.#isStranger(peer, other))
        world.wrong('one-per-epoch', `${name} answers on ${world.nameOf(other)} and ${world.nameOf(peer)}`)
    }
    known.set(peer, process)
  }

  /** Whether a page does not have the other on its ring, or is so new, and hears so late, that it cannot know of its processes. */
  #isStranger(peer: PeerId, other: PeerId): boolean {
    const world = this.#world
    const node = world.node(peer)
    if (node === undefined || !node.core.ring.has(other)) return true
    return world.isSlow(node) && world.time.now - node.openedAt < acquaintance
  }

  /** A page has been answered: never by an earlier owner than the answer before, of which it knew. */
  answered(caller: MeshNode, answer: Answer): void {
    const world = this.#world
    world.asked('answers-go-forward')
    const name = `${caller.name} ${answer.key}`
    const before = this.#latest.get(name)
    if (before !== undefined && before.epoch > answer.epoch && before.peer !== answer.peer)
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

function isLinkedTo(one: MeshNode, other: MeshNode): boolean {
  const member = one.core.member(other.info.id)
  return member?.state === 'alive' && member.link !== 'none'
}
