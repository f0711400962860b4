import { type ReadonlySignal, signal } from '@preact/signals'
import type { Mesh, Supervisor, TreeNode } from '../index.js'
import { strikeCompute } from './compute-thread.js'
import { type Fault, isOfWorker, type WorkerFault } from './fault.js'
import type { Frames } from './frames.js'
import type { Neighbours } from './neighbours.js'
import { order } from './orders.js'
import type { Reports } from './reports.js'

/** A peer's compute thread as it is now. */
export interface ComputeState {
  readonly state: string
  readonly ref: string | undefined
}

/** The peers that can be broken from this page: itself, its frames, and whoever offers it. */
export class Targets {
  readonly #mesh: Mesh
  readonly #tree: Supervisor
  readonly #frames: Frames
  readonly #reports: Reports
  readonly #neighbours: Neighbours
  /** Peers of other pages that this one has cut off. */
  readonly #cut = signal<readonly string[]>([])

  constructor(parts: {
    mesh: Mesh
    tree: Supervisor
    frames: Frames
    reports: Reports
    neighbours: Neighbours
  }) {
    this.#mesh = parts.mesh
    this.#tree = parts.tree
    this.#frames = parts.frames
    this.#reports = parts.reports
    this.#neighbours = parts.neighbours
    // Its own page may have connected it again, too.
    parts.mesh.on('up', ({ id }) => this.#setCut(id, false))
  }

  /** Every peer that was cut off from here. */
  get cutOff(): readonly string[] {
    const frames = this.#frames.list.value.flatMap(({ control, isCut }) =>
      isCut && control !== undefined ? [control.id] : [],
    )
    return [...frames, ...this.cutElsewhere.value]
  }

  get cutElsewhere(): ReadonlySignal<readonly string[]> {
    return this.#cut
  }

  isCut(id: string): boolean {
    return this.cutOff.includes(id)
  }

  /** Whether a fault can be done to a peer as it is now. */
  offers(id: string, fault: Fault): boolean {
    const isCut = this.isCut(id)
    if (fault === 'heal' || fault === 'cut') {
      if (isCut !== (fault === 'heal')) return false
    } else if (isCut && fault === 'freeze') return false
    if (id === this.#mesh.id) return isOfWorker(fault)
    const frame = this.#frames.of(id)
    if (frame !== undefined) return fault === 'kill' || fault === 'heal' || !frame.isFrozen
    if (isCut) return fault === 'heal' || fault === 'kill'
    const canBeHealed = this.#neighbours.has(id)
    return this.#reports.offersOf(id).includes(fault) && (fault !== 'cut' || canBeHealed)
  }

  /** Does a fault to a peer that offers it; a frozen one thaws by itself. */
  strike(fault: Exclude<Fault, WorkerFault>, id: string): void {
    if (this.#frames.of(id) !== undefined) {
      this.#frames.strike(fault, id)
      return
    }
    this.#order(id, fault)
    if (fault === 'cut' || fault === 'heal' || fault === 'kill') this.#setCut(id, fault === 'cut')
  }

  strikeWorker(fault: WorkerFault, id: string): void {
    const tree = this.#treeHere(id)
    if (tree === undefined) this.#order(id, fault)
    else void strikeCompute(tree, fault === 'crash-worker' ? 'crash' : 'hang')
  }

  /** A peer's compute thread, seen in this page or asked for; undefined while it is nowhere to be seen. */
  async compute(id: string): Promise<ComputeState | undefined> {
    const tree = this.#treeHere(id)
    if (tree !== undefined) {
      const child = tree.children().find((each) => each.id === 'compute')
      return child && { state: child.state, ref: child.ref?.id.toString() }
    }
    const trees = (await this.#mesh.tree()).find(({ peer }) => peer === id)?.trees ?? []
    return nodeOf(trees, 'compute')
  }

  #treeHere(id: string): Supervisor | undefined {
    return id === this.#mesh.id ? this.#tree : this.#frames.of(id)?.control?.peer.tree
  }

  #order(id: string, fault: Fault): void {
    if (this.#neighbours.has(id)) this.#neighbours.order(id, fault)
    else order(this.#mesh, id, fault)
  }

  #setCut(id: string, isCut: boolean): void {
    if (this.#cut.value.includes(id) === isCut) return
    this.#cut.value = isCut ? [...this.#cut.value, id] : this.#cut.value.filter((each) => each !== id)
  }
}

function nodeOf(nodes: readonly TreeNode[], id: string): TreeNode | undefined {
  for (const node of nodes) {
    const found = node.id === id ? node : nodeOf(node.children, id)
    if (found !== undefined) return found
  }
  return undefined
}
