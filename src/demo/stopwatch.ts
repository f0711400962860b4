import { type ReadonlySignal, signal } from '@preact/signals'
import type { Mesh, ReadonlyRing, Supervisor } from '../index.js'
import { type MeshObserver, shortened } from '../picture/index.js'
import type { Frames } from './frames.js'
import { Load, type LoadResult } from './load.js'
import { strikeCompute } from './peer.js'
import type { Reports } from './reports.js'

/** What can be done to a peer of this page. */
export type Fault = 'crash-worker' | 'hang-worker' | 'kill' | 'freeze' | 'cut' | 'heal'

/** What was seen of one fault, all of it by this tab; times in milliseconds since the fault. */
export interface Sighting {
  readonly number: number
  readonly fault: Fault
  readonly peer: string
  /** What went by so far. */
  readonly phase: 'warming up' | 'watching' | 'checking' | 'done'
  /** The first sign: the peer is suspected, or the worker's exit was seen. */
  readonly noticed?: number
  /** The verdict: the peer is dead, or back; or the worker runs again. */
  readonly detected?: number
  /** All peers agree on the ring again. */
  readonly settled?: number
  readonly tasks?: LoadResult['tasks']
  readonly writes?: LoadResult['writes']
  /** Share of the key space whose owner changed, and the least that could. */
  readonly moved?: number
  readonly ideal?: number
  readonly failure?: string
}

/** Work runs for so long before a fault, in milliseconds, so that the fault meets it in full swing. */
const warmUp = 1_000
/** A fault is watched for at most so long, in milliseconds: a hidden peer may be silent for a minute before it is doubted. */
const watchFor = 150_000
/** Milliseconds between two looks at what has no event. */
const lookEvery = 20
/** The ring must be agreed on for so long, in milliseconds, to count as settled. */
const settledFor = 600
/** How long a frame is frozen, in milliseconds: long enough to be suspected, and it must live. */
export const freezeFor = 8_000
/** Work goes on for so long after the ring settled, in milliseconds. */
const coolDown = 1_000

/** Strikes peers and measures what the mesh does about it. One fault at a time, so that no figure is of two. */
export class Stopwatch {
  readonly #mesh: Mesh
  readonly #observer: MeshObserver
  readonly #frames: Frames
  readonly #reports: Reports
  readonly #ownTree: Supervisor
  readonly #sightings = signal<readonly Sighting[]>([])
  readonly #isRunning = signal(false)
  #number = 0

  constructor(parts: {
    mesh: Mesh
    observer: MeshObserver
    frames: Frames
    reports: Reports
    tree: Supervisor
  }) {
    this.#mesh = parts.mesh
    this.#observer = parts.observer
    this.#frames = parts.frames
    this.#reports = parts.reports
    this.#ownTree = parts.tree
  }

  /** The newest first. */
  get sightings(): ReadonlySignal<readonly Sighting[]> {
    return this.#sightings
  }

  get isRunning(): ReadonlySignal<boolean> {
    return this.#isRunning
  }

  /** Strikes a peer of this page while work goes on; resolves with everything that was seen. */
  async strike(fault: Fault, peer: string): Promise<Sighting> {
    if (this.#isRunning.value) throw new Error('another fault is being watched')
    this.#isRunning.value = true
    this.#number++
    let sighting: Sighting = { number: this.#number, fault, peer, phase: 'warming up' }
    const show = (change: Partial<Sighting>): void => {
      sighting = { ...sighting, ...change }
      this.#sightings.value = [
        sighting,
        ...this.#sightings.value.filter(({ number }) => number !== sighting.number),
      ]
    }
    const load = new Load(this.#mesh, (key) => this.#wrote(key))
    try {
      show({})
      load.start()
      await pause(warmUp)
      show({ phase: 'watching' })
      if (fault === 'crash-worker' || fault === 'hang-worker') await this.#strikeWorker(fault, peer, show)
      else await this.#strikePeer(fault, peer, show)
      await pause(coolDown)
    } catch (error) {
      show({ failure: (error as Error).message })
    }
    show({ phase: 'checking' })
    const { tasks, writes } = await load.finish()
    show({ phase: 'done', tasks, writes })
    this.#isRunning.value = false
    return sighting
  }

  async #strikeWorker(
    fault: 'crash-worker' | 'hang-worker',
    peer: string,
    show: (change: Partial<Sighting>) => void,
  ): Promise<void> {
    const tree = peer === this.#mesh.id ? this.#ownTree : this.#frames.of(peer)?.control?.peer.tree
    if (tree === undefined) throw new Error('the peer is gone')
    const child = () => tree.children().find(({ id }) => id === 'compute')
    const before = child()
    const start = performance.now()
    this.#observer.note(`${shortened(peer)}: its worker is to ${fault === 'crash-worker' ? 'crash' : 'hang'}`)
    void strikeCompute({ tree }, fault === 'crash-worker' ? 'crash' : 'hang')
    await this.#until(() => child()?.state !== 'running' || child()?.ref?.id !== before?.ref?.id, 'the exit')
    show({ noticed: performance.now() - start })
    await this.#until(
      () => child()?.state === 'running' && child()?.ref?.id !== before?.ref?.id,
      'the restart',
    )
    show({ detected: performance.now() - start, moved: 0, ideal: 0 })
    this.#observer.note(`${shortened(peer)}: its supervisor started the worker again`)
    void this.#observer.lookAtTrees()
  }

  async #strikePeer(
    fault: Exclude<Fault, 'crash-worker' | 'hang-worker'>,
    peer: string,
    show: (change: Partial<Sighting>) => void,
  ): Promise<void> {
    const mesh = this.#mesh
    const ringBefore = mesh.ring
    let moved = 0
    const start = performance.now()
    const since = (): number => performance.now() - start
    const noticed = (): void => {
      if (!hasNoticed) show({ noticed: since() })
      hasNoticed = true
    }
    let hasNoticed = false
    let hasDied = false
    const stops = [
      mesh.on('change', ({ id, state }) => {
        if (id === peer && (state === 'suspect' || state === 'dead') && fault !== 'heal') noticed()
      }),
      mesh.on('down', ({ id }) => {
        if (id === peer) hasDied = true
      }),
      mesh.on('ring', (change) => {
        moved += change.moved
      }),
    ]
    try {
      this.#act(fault, peer)
      if (fault === 'freeze') {
        await pause(freezeFor)
        this.#frames.thaw(peer)
        this.#observer.note(`${shortened(peer)} wakes`)
      }
      const isBack = (): boolean => {
        const state = this.#stateOf(peer)
        return state === 'alive' || state === 'parked'
      }
      await this.#until(fault === 'kill' || fault === 'cut' ? () => hasDied : isBack, 'the verdict')
      show({ detected: since() })
      const settled = await this.#settled(since)
      show({ settled, moved, ideal: idealMove(fault, peer, ringBefore, mesh.ring, hasDied) })
    } finally {
      for (const stop of stops) stop()
    }
  }

  #act(fault: 'kill' | 'freeze' | 'cut' | 'heal', peer: string): void {
    const name = shortened(peer)
    switch (fault) {
      case 'kill':
        this.#observer.note(`${name} is killed`)
        this.#frames.kill(peer)
        break
      case 'freeze':
        this.#observer.note(`${name} is frozen for ${freezeFor / 1000} s`)
        this.#frames.freeze(peer)
        break
      case 'cut':
        this.#observer.note(`${name} is cut off`)
        this.#frames.cut(peer)
        break
      case 'heal':
        this.#observer.note(`${name} is connected again`)
        this.#frames.heal(peer)
        break
    }
  }

  /** Resolves with when all peers began to agree on the ring, once they have done so for a while. */
  async #settled(since: () => number): Promise<number> {
    let agreedSince: number | undefined
    await this.#until(() => {
      const isWhole = this.#reports.isAgreed && this.#mesh.members().every(({ state }) => state !== 'joining')
      if (!isWhole) agreedSince = undefined
      else agreedSince ??= since()
      return agreedSince !== undefined && since() - agreedSince >= settledFor
    }, 'an agreed ring')
    return agreedSince ?? since()
  }

  #stateOf(peer: string): string | undefined {
    return this.#mesh.members().find(({ id }) => id === peer)?.state
  }

  async #until(condition: () => boolean, what: string): Promise<void> {
    const bound = performance.now() + watchFor
    while (!condition()) {
      if (performance.now() > bound) throw new Error(`${what} did not come within ${watchFor / 1000} s`)
      await pause(lookEvery)
    }
  }

  #wrote(key: string): void {
    const owner = this.#mesh.ring.owner(key)
    if (owner !== undefined) this.#observer.flow({ kind: 'write', from: this.#mesh.id, to: owner, count: 1 })
  }
}

/** The least of the key space that has to move: what the peer owned, or will own. */
function idealMove(
  fault: Fault,
  peer: string,
  before: ReadonlyRing,
  after: ReadonlyRing,
  hasDied: boolean,
): number {
  if (fault === 'kill' || fault === 'cut') return before.share(peer)
  // Whoever was taken for dead and came back moved its share away and to itself again.
  if (fault === 'freeze') return hasDied ? before.share(peer) + after.share(peer) : 0
  return before.has(peer) ? 0 : after.share(peer)
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
