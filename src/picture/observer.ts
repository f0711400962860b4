import { type ReadonlySignal, signal } from '@preact/signals'
import type { Member, Mesh, PeerTrees } from '../index.js'
import { cellsOf } from './cells.js'
import { PeerColours } from './colours.js'

/** A connection between two peers. */
export interface LinkLine {
  readonly from: string
  readonly to: string
  readonly kind: 'direct' | 'relay'
}

/** Something that went from one peer to another. */
export interface Flow {
  /** A task that was handed out, a write that went to its owner, or keys whose owner changed. */
  readonly kind: 'task' | 'write' | 'range'
  readonly from: string
  readonly to: string
  readonly count: number
}

/** One line of what has happened, the newest first. */
export interface Happening {
  readonly number: number
  readonly at: Date
  readonly text: string
}

/** Milliseconds between two looks at what has no event: tasks handed out. */
const flowsEvery = 200
/** Milliseconds between two questions for the trees of all peers. */
const treesEvery = 1_000
/** Milliseconds that a peer is still drawn after its death. */
const lostShownFor = 6_000
/** Lines that are kept; older ones are of no use to anybody. */
const happeningsKept = 60

/**
 * What a picture of a mesh shows, as signals. It follows the events of the public API and, where there are none,
 * looks a few times a second; nothing of it is guessed.
 */
export class MeshObserver {
  readonly mesh: Mesh
  readonly #members = signal<readonly Member[]>([])
  readonly #lost = signal<readonly Member[]>([])
  readonly #view = signal('')
  readonly #shares = signal<ReadonlyMap<string, number>>(new Map())
  readonly #cells = signal<readonly (string | undefined)[]>([])
  readonly #colours = signal<ReadonlyMap<string, string>>(new Map())
  readonly #links = signal<readonly LinkLine[]>([])
  readonly #trees = signal<readonly PeerTrees[]>([])
  readonly #happenings = signal<readonly Happening[]>([])
  readonly #palette = new PeerColours()
  readonly #told = new Map<string, readonly LinkLine[]>()
  readonly #given = new Map<string, number>()
  readonly #flowListeners = new Set<(flow: Flow) => void>()
  readonly #stops: (() => void)[] = []
  #number = 0
  #isDue = false
  #isAsking = false

  constructor(mesh: Mesh) {
    this.mesh = mesh
    const soon = (): void => this.#soon()
    const flows = setInterval(() => this.#lookAtTasks(), flowsEvery)
    const trees = setInterval(() => void this.lookAtTrees(), treesEvery)
    this.#stops.push(
      () => clearInterval(flows),
      () => clearInterval(trees),
      mesh.on('change', soon),
      mesh.on('up', (member) => this.note(`${shortened(member.id)} is up (${member.kind})`)),
      mesh.on('down', (member) => this.#down(member)),
      mesh.on('ring', ({ moved }) => {
        this.note(`the ring changed: ${percent(moved)} of the keys moved`)
        soon()
      }),
    )
    this.#read()
    void this.lookAtTrees()
  }

  get self(): string {
    return this.mesh.id
  }
  get members(): ReadonlySignal<readonly Member[]> {
    return this.#members
  }
  /** Peers that died or left within the last seconds. */
  get lost(): ReadonlySignal<readonly Member[]> {
    return this.#lost
  }
  get view(): ReadonlySignal<string> {
    return this.#view
  }
  get shares(): ReadonlySignal<ReadonlyMap<string, number>> {
    return this.#shares
  }
  /** Owners of evenly spaced arcs of the ring. */
  get cells(): ReadonlySignal<readonly (string | undefined)[]> {
    return this.#cells
  }
  get colours(): ReadonlySignal<ReadonlyMap<string, string>> {
    return this.#colours
  }
  /** This peer's links, and those that others told of. */
  get links(): ReadonlySignal<readonly LinkLine[]> {
    return this.#links
  }
  get trees(): ReadonlySignal<readonly PeerTrees[]> {
    return this.#trees
  }
  get happenings(): ReadonlySignal<readonly Happening[]> {
    return this.#happenings
  }

  /** Calls `listener` for everything that goes from peer to peer. Returns the way back. */
  onFlow(listener: (flow: Flow) => void): () => void {
    this.#flowListeners.add(listener)
    return () => this.#flowListeners.delete(listener)
  }

  flow(flow: Flow): void {
    for (const listener of this.#flowListeners) listener(flow)
  }

  /** Takes another peer's word for its own links. */
  told(peer: string, links: readonly LinkLine[]): void {
    this.#told.set(peer, links)
    this.#soon()
  }

  /** What a line calls a peer: its page is `this tab` to who reads it there, and nowhere named by an id. */
  nameOf(id: string): string {
    return id === this.self ? 'this tab' : shortened(id)
  }

  note(text: string): void {
    const happening = { number: ++this.#number, at: new Date(), text }
    this.#happenings.value = [happening, ...this.#happenings.value].slice(0, happeningsKept)
  }

  /** Asks all peers for their supervision trees, unless they are being asked. */
  async lookAtTrees(): Promise<void> {
    if (this.#isAsking || document.visibilityState === 'hidden') return
    this.#isAsking = true
    try {
      const trees = await this.mesh.tree()
      if (JSON.stringify(trees) !== JSON.stringify(this.#trees.value)) this.#trees.value = trees
    } catch {
      // The mesh was left meanwhile: what is shown stays.
    } finally {
      this.#isAsking = false
    }
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }

  #down(member: Member): void {
    this.note(`${shortened(member.id)} ${member.state === 'left' ? 'left' : 'is dead'}`)
    this.#lost.value = [...this.#lost.value.filter(({ id }) => id !== member.id), member]
    setTimeout(() => {
      this.#lost.value = this.#lost.value.filter((other) => other !== member)
      this.#soon()
    }, lostShownFor)
    this.#soon()
  }

  /** Reads the mesh anew, at most once a frame; in a hidden page, where there are no frames, a little later. */
  #soon(): void {
    if (this.#isDue) return
    this.#isDue = true
    if (document.visibilityState === 'hidden') setTimeout(() => this.#read(), flowsEvery)
    else requestAnimationFrame(() => this.#read())
  }

  #read(): void {
    this.#isDue = false
    const { mesh } = this
    const members = mesh.members()
    const present = new Set(members.map(({ id }) => id))
    const lost = this.#lost.value.filter(({ id }) => !present.has(id))
    if (lost.length !== this.#lost.value.length) this.#lost.value = lost
    for (const id of this.#told.keys()) if (!present.has(id)) this.#told.delete(id)
    this.#members.value = members
    this.#colours.value = this.#palette.of([...present, ...lost.map(({ id }) => id)])
    this.#links.value = this.#lines(members, present)
    if (this.#view.value !== mesh.view) this.#readRing()
  }

  #readRing(): void {
    const { mesh } = this
    this.#view.value = mesh.view
    this.#shares.value = new Map(mesh.ring.nodes().map(({ id }) => [id, mesh.ring.share(id)]))
    const before = this.#cells.value
    const after = cellsOf(mesh.ring)
    this.#cells.value = after
    const moves = new Map<string, { from: string; to: string; count: number }>()
    for (const [cell, to] of after.entries()) {
      const from = before[cell]
      if (from === undefined || to === undefined || from === to) continue
      const name = `${from} ${to}`
      moves.set(name, { from, to, count: (moves.get(name)?.count ?? 0) + 1 })
    }
    for (const move of moves.values()) this.flow({ kind: 'range', ...move })
  }

  #lines(members: readonly Member[], present: ReadonlySet<string>): LinkLine[] {
    const lines = new Map<string, LinkLine>()
    const add = (line: LinkLine): void => {
      if (!present.has(line.from) || !present.has(line.to)) return
      const name = [line.from, line.to].sort().join()
      // Two ends may differ for a moment: a link is direct once either end has it so.
      if (lines.get(name)?.kind !== 'direct') lines.set(name, line)
    }
    for (const { id, link } of members) {
      if (link === 'direct' || link === 'relay') add({ from: this.self, to: id, kind: link })
    }
    for (const told of this.#told.values()) for (const line of told) add(line)
    return [...lines.values()]
  }

  #lookAtTasks(): void {
    const { tasks } = this.mesh
    for (const name of tasks.names()) {
      for (const [worker, { assigned }] of tasks.shares(name)) {
        const key = `${name} ${worker}`
        const count = assigned - (this.#given.get(key) ?? 0)
        if (count <= 0) continue
        this.#given.set(key, assigned)
        this.flow({ kind: 'task', from: this.self, to: worker, count })
      }
    }
  }
}

/** The first characters of an id: enough to tell a dozen peers apart. */
export function shortened(id: string): string {
  return id.slice(0, 5)
}

export function percent(fraction: number): string {
  return `${(fraction * 100).toFixed(1)} %`
}
