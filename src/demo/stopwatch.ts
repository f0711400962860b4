import { type ReadonlySignal, signal } from '@preact/signals'
import type { Mesh, ReadonlyRing } from '../index.js'
import type { MeshObserver } from '../picture/index.js'
import { type Fault, freezeFor, isOfWorker, type WorkerFault } from './fault.js'
import { Load, type LoadResult } from './load.js'
import type { Reports } from './reports.js'
import type { Targets } from './targets.js'

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
  /** Share of the key space whose owner changed, the least that could, and in how many changes of the ring. */
  readonly moved?: number
  readonly ideal?: number
  readonly ringChanges?: number
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
/** Work goes on for so long after the ring settled, in milliseconds. */
const coolDown = 1_000

/** Said of a fault that this page did not see the end of. */
const leftMeanwhile = 'this tab left the mesh meanwhile'

/** What happens to a peer, as the log says it. */
const deeds: Readonly<Record<Exclude<Fault, WorkerFault>, string>> = {
  kill: 'killed',
  freeze: `frozen for ${freezeFor / 1000} s`,
  cut: 'cut off',
  heal: 'connected again',
}

/** Strikes peers and measures what the mesh does about it. One fault at a time, so that no figure is of two. */
export class Stopwatch {
  readonly #mesh: Mesh
  readonly #observer: MeshObserver
  readonly #reports: Reports
  readonly #targets: Targets
  readonly #sightings = signal<readonly Sighting[]>([])
  readonly #watched = signal<string | undefined>(undefined)
  readonly #struckAt = signal<number | undefined>(undefined)
  #number = 0

  constructor(parts: { mesh: Mesh; observer: MeshObserver; reports: Reports; targets: Targets }) {
    this.#mesh = parts.mesh
    this.#observer = parts.observer
    this.#reports = parts.reports
    this.#targets = parts.targets
  }

  /** The newest first. */
  get sightings(): ReadonlySignal<readonly Sighting[]> {
    return this.#sightings
  }

  /** The peer whose fault is being watched now. */
  get watched(): ReadonlySignal<string | undefined> {
    return this.#watched
  }

  /** When the fault that is being watched was done, on the clock of `performance.now()`. */
  get struckAt(): ReadonlySignal<number | undefined> {
    return this.#struckAt
  }

  /** Strikes a peer while work goes on; resolves with everything that was seen. */
  async strike(fault: Fault, peer: string): Promise<Sighting> {
    if (this.#watched.value !== undefined) throw new Error('another fault is being watched')
    this.#watched.value = peer
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
      this.#struckAt.value = performance.now()
      show({ phase: 'watching' })
      if (isOfWorker(fault)) await this.#strikeWorker(fault, peer, show)
      else await this.#strikePeer(fault, peer, show)
      await pause(coolDown)
    } catch (error) {
      show({ failure: (error as Error).message })
    }
    this.#struckAt.value = undefined
    if (this.#hasLeft) {
      // Nobody answers this page any more: what it did not hear is not lost.
      load.stop()
      show({ phase: 'done', failure: leftMeanwhile })
    } else {
      show({ phase: 'checking' })
      const { tasks, writes } = await load.finish()
      show({ phase: 'done', tasks, writes })
    }
    this.#watched.value = undefined
    return sighting
  }

  async #strikeWorker(
    fault: WorkerFault,
    peer: string,
    show: (change: Partial<Sighting>) => void,
  ): Promise<void> {
    const before = await this.#targets.compute(peer)
    const start = performance.now()
    this.#observer.note(
      `${this.#observer.nameOf(peer)}: its worker is to ${fault === 'crash-worker' ? 'crash' : 'hang'}`,
    )
    this.#targets.strikeWorker(fault, peer)
    await this.#until(async () => {
      const now = await this.#targets.compute(peer)
      // A peer that does not answer for a moment has no news, neither good nor bad.
      return now !== undefined && (now.state !== 'running' || now.ref !== before?.ref)
    }, 'the exit')
    show({ noticed: performance.now() - start })
    await this.#until(async () => {
      const now = await this.#targets.compute(peer)
      return now?.state === 'running' && now.ref !== before?.ref
    }, 'the restart')
    show({ detected: performance.now() - start })
    this.#observer.note(`${this.#observer.nameOf(peer)}: its supervisor started the worker again`)
    void this.#observer.lookAtTrees()
  }

  async #strikePeer(
    fault: Exclude<Fault, WorkerFault>,
    peer: string,
    show: (change: Partial<Sighting>) => void,
  ): Promise<void> {
    const mesh = this.#mesh
    const changes: { readonly moved: number; readonly least: number }[] = []
    let ringBefore = mesh.ring
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
      mesh.on('ring', ({ moved }) => {
        changes.push({ moved, least: leastMove(ringBefore, mesh.ring) })
        ringBefore = mesh.ring
      }),
    ]
    try {
      this.#observer.note(`${this.#observer.nameOf(peer)} is ${deeds[fault]}`)
      this.#targets.strike(fault, peer)
      if (fault === 'freeze') {
        await pause(freezeFor)
        this.#observer.note(`${this.#observer.nameOf(peer)} wakes`)
      }
      const isBack = (): boolean => {
        const state = this.#stateOf(peer)
        return state === 'alive' || state === 'parked'
      }
      const isDeadly = fault === 'kill' || fault === 'cut'
      await this.#until(isDeadly ? () => hasDied : isBack, 'the verdict')
      show({ detected: since() })
      // A word of it that was under way when it died may revive it: all may agree on that, and it is not over.
      const settled = await this.#settled(since, isDeadly ? () => this.#stateOf(peer) === undefined : isBack)
      show({
        settled,
        moved: changes.reduce((sum, { moved }) => sum + moved, 0),
        ideal: changes.reduce((sum, { least }) => sum + least, 0),
        ringChanges: changes.length,
      })
    } finally {
      for (const stop of stops) stop()
    }
  }

  /** Resolves with when all peers began to agree on the ring and the verdict, once they have done so for a while. */
  async #settled(since: () => number, verdictHolds: () => boolean): Promise<number> {
    let agreedSince: number | undefined
    await this.#until(() => {
      const isWhole =
        verdictHolds() &&
        this.#reports.isAgreed &&
        this.#mesh.members().every(({ state }) => state !== 'joining')
      if (!isWhole) agreedSince = undefined
      else agreedSince ??= since()
      return agreedSince !== undefined && since() - agreedSince >= settledFor
    }, 'an agreed ring')
    return agreedSince ?? since()
  }

  get #hasLeft(): boolean {
    return this.#stateOf(this.#mesh.id) === undefined
  }

  #stateOf(peer: string): string | undefined {
    return this.#mesh.members().find(({ id }) => id === peer)?.state
  }

  async #until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
    const bound = performance.now() + watchFor
    while (!(await condition())) {
      if (this.#hasLeft) throw new Error(leftMeanwhile)
      if (performance.now() > bound) throw new Error(`${what} did not come within ${watchFor / 1000} s`)
      await pause(lookEvery)
    }
  }

  #wrote(key: string): void {
    const owner = this.#mesh.ring.owner(key)
    if (owner !== undefined) this.#observer.flow({ kind: 'write', from: this.#mesh.id, to: owner, count: 1 })
  }
}

/** The least of the key space that can move from one ring to another: whatever a peer owns less of must go. */
export function leastMove(before: ReadonlyRing, after: ReadonlyRing): number {
  return before.nodes().reduce((sum, { id }) => sum + Math.max(0, before.share(id) - after.share(id)), 0)
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}
