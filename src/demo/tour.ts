import { type ReadonlySignal, signal } from '@preact/signals'
import type { Mesh } from '../index.js'
import type { MeshObserver } from '../picture/index.js'
import type { Fault } from './fault.js'
import type { Frames } from './frames.js'
import type { Jobs } from './jobs.js'
import { boardSide, type PixelBoard } from './pixel-board.js'
import { summary } from './sighting-text.js'
import type { Sighting, Stopwatch } from './stopwatch.js'
import { whole } from './work/mandelbrot.js'

/** Parts of the page that a caption may speak of: ids of its sections. */
type Subject = 'ring' | 'mandelbrot' | 'pixels'

/** What the tour says of the step that it is at. */
export interface Caption {
  readonly step: number
  readonly of: number
  readonly title: string
  readonly text: string
  /** What the visitor should see meanwhile. */
  readonly subject: Subject
}

/** The figures of a tour, all measured while it ran. */
export interface TourFigures {
  readonly userAgent: string
  readonly startedAt: string
  readonly seconds: number
  readonly peers: number
  readonly tiles: { readonly drawn: number; readonly by: number; readonly milliseconds: number }
  readonly pixels: { readonly painted: number; readonly right: number }
  readonly faults: readonly Sighting[]
  readonly tasksLost: number
  readonly writesLost: number
}

interface TourParts {
  readonly mesh: Mesh
  readonly observer: MeshObserver
  readonly frames: Frames
  readonly stopwatch: Stopwatch
  readonly jobs: Jobs
  readonly pixels: PixelBoard
}

/** Milliseconds that a caption stands before what it tells of happens: time to read two short sentences. */
const reading = 2_500
/** Frames that the tour brings. */
const framesWanted = 3

/** Shows one thing after another, with captions, and keeps the figures. It does nothing that a visitor could not. */
export class Tour {
  readonly #parts: TourParts
  readonly #caption = signal<Caption | undefined>(undefined)
  readonly #figures = signal<TourFigures | undefined>(undefined)
  readonly #failure = signal<string | undefined>(undefined)
  readonly #isRunning = signal(false)
  #step = 0

  constructor(parts: TourParts) {
    this.#parts = parts
  }

  get caption(): ReadonlySignal<Caption | undefined> {
    return this.#caption
  }
  get figures(): ReadonlySignal<TourFigures | undefined> {
    return this.#figures
  }
  get failure(): ReadonlySignal<string | undefined> {
    return this.#failure
  }
  get isRunning(): ReadonlySignal<boolean> {
    return this.#isRunning
  }

  dismiss(): void {
    this.#caption.value = undefined
  }

  async run(): Promise<void> {
    if (this.#isRunning.value) return
    this.#isRunning.value = true
    this.#failure.value = undefined
    this.#step = 0
    try {
      this.#figures.value = await this.#tour()
    } catch (error) {
      this.#failure.value = String(error)
      await this.#say('The tour stopped', String(error))
    } finally {
      this.#isRunning.value = false
    }
  }

  async #tour(): Promise<TourFigures> {
    const { mesh, frames } = this.#parts
    const startedAt = new Date()
    const start = performance.now()
    await this.#say(
      'This tab is a peer',
      'It has joined a cluster with an edge worker. The ring says who keeps which part of the data.',
    )
    await this.#say(
      'Three more join',
      'Each is a page of its own. Watch them take their share of the ring, and nothing else move.',
    )
    const ids = await Promise.all(Array.from({ length: framesWanted }, () => frames.add()))
    const [first, second, third] = ids as [string, string, string]
    const peers = mesh.members().length
    await this.#say(
      'Everyone works',
      'This picture is cut into tiles. Each is a task, tasks go round the peers, and its tint is who drew it.',
      'mandelbrot',
    )
    const tiles = await this.#draw()
    await this.#say(
      'Everyone remembers',
      'Each pixel of the board is a key. It is kept by three peers, chosen by the ring.',
      'pixels',
    )
    const painted = await this.#paint()
    await pause(reading)
    const faults = [
      await this.#fault(
        'A worker crashes',
        'Tasks and writes go on all the while. Its supervisor starts it again.',
        'crash-worker',
        first,
      ),
      await this.#fault(
        'A peer freezes',
        'As a laptop does when its lid is closed. The others doubt it, and ask again before they act.',
        'freeze',
        second,
      ),
      await this.#fault(
        'A peer is cut off',
        'No frame reaches it or leaves it. The others bury it and share what it had.',
        'cut',
        third,
      ),
      await this.#fault(
        'It is connected again',
        'It learns that it was taken for dead, says that it lives, and takes its keys back.',
        'heal',
        third,
      ),
      await this.#fault(
        'A peer is killed',
        'No goodbye. Its keys, its tasks and its share of the ring go to the others.',
        'kill',
        first,
      ),
    ]
    const right = await this.#readBoard()
    const tasksLost = faults.reduce((sum, { tasks }) => sum + (tasks?.lost ?? 0), 0)
    const writesLost = faults.reduce((sum, { writes }) => sum + (writes?.lost ?? 0), 0)
    const tasks = faults.reduce((sum, fault) => sum + (fault.tasks?.of ?? 0), 0)
    const writes = faults.reduce((sum, fault) => sum + (fault.writes?.of ?? 0), 0)
    await this.#say(
      'That was it',
      `${tasksLost} of ${tasks} tasks and ${writesLost} of ${writes} acknowledged writes were lost. Now break it yourself.`,
    )
    return {
      userAgent: navigator.userAgent,
      startedAt: startedAt.toISOString(),
      seconds: Math.round((performance.now() - start) / 1000),
      peers,
      tiles,
      pixels: { painted, right },
      faults,
      tasksLost,
      writesLost,
    }
  }

  async #draw(): Promise<TourFigures['tiles']> {
    const start = performance.now()
    const by = new Set<string>()
    let drawn = 0
    this.#parts.observer.note('the mesh draws a picture')
    await this.#parts.jobs.show(whole, (_, { peer }) => {
      drawn++
      by.add(peer)
    })
    return { drawn, by: by.size, milliseconds: Math.round(performance.now() - start) }
  }

  /** A ring on the board, in the colours of the paint box. */
  async #paint(): Promise<number> {
    const { pixels } = this.#parts
    const circle = ringOfPixels()
    await Promise.all(circle.map(([index, code]) => pixels.paint(index, code)))
    return circle.length
  }

  async #readBoard(): Promise<number> {
    const store = this.#parts.mesh.store<number>('pixels')
    const found = await Promise.all(
      ringOfPixels().map(async ([index, code]) => {
        const key = `${index % boardSide},${Math.floor(index / boardSide)}`
        return (await store.get(key, { fresh: true })) === code
      }),
    )
    return found.filter(Boolean).length
  }

  async #fault(title: string, text: string, fault: Fault, peer: string): Promise<Sighting> {
    await this.#say(title, text)
    const sighting = await this.#parts.stopwatch.strike(fault, peer)
    this.#caption.value = { step: this.#step, of: steps, title, text: summary(sighting), subject: 'ring' }
    await pause(reading)
    return sighting
  }

  async #say(title: string, text: string, subject: Subject = 'ring'): Promise<void> {
    this.#caption.value = { step: ++this.#step, of: steps, title, text, subject }
    await pause(reading)
  }
}

/** Captions of a tour that goes well. */
const steps = 10

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

function ringOfPixels(): [index: number, code: number][] {
  const painted = new Map<number, number>()
  const middle = boardSide / 2
  for (let step = 0; step < 180; step++) {
    const angle = (step / 180) * 2 * Math.PI
    const x = Math.round(middle + Math.cos(angle) * (middle - 8))
    const y = Math.round(middle + Math.sin(angle) * (middle - 8))
    painted.set(y * boardSide + x, 1 + (Math.floor((step / 180) * 8) % 8))
  }
  return [...painted]
}
