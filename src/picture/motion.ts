import { cellCount } from './cells.js'
import { noColour } from './colours.js'
import { band, centre, chordRadius, onCircle, type Place, type Point, size } from './geometry.js'
import type { Flow } from './observer.js'

/** Milliseconds that a dot takes from peer to peer: long enough for the eye to follow. */
const travelTime = 700
/** Dots in motion at once; of more only a part is shown, so that a storm costs no more than a breeze. */
const mostDots = 240
/** Milliseconds over which the dots of one look are spread, so that they do not march in step. */
const scatter = 220
/** Dots that one flow makes at most. */
const mostOfOneFlow = 14
/** Milliseconds that a cell of the band glows after its owner changed. */
const glowTime = 1_600

interface Dot {
  readonly from: Point
  readonly to: Point
  readonly colour: string
  readonly radius: number
  readonly starts: number
  readonly isHome: boolean
}

/** What the canvas draws from. */
export interface Scene {
  readonly places: ReadonlyMap<string, Place>
  readonly colours: ReadonlyMap<string, string>
  readonly cells: readonly (string | undefined)[]
}

/**
 * The canvas over the picture: the band of arcs, and dots for what moves. It runs only while something moves, and
 * not at all for those who asked for less motion.
 */
export class Motion {
  readonly #context: CanvasRenderingContext2D
  readonly #canvas: HTMLCanvasElement
  readonly #calm = matchMedia('(prefers-reduced-motion: reduce)')
  #scene: Scene = { places: new Map(), colours: new Map(), cells: [] }
  #dots: Dot[] = []
  #changed = new Map<number, number>()
  #frame = 0
  /** The band alone, drawn once for many frames. */
  readonly #still = document.createElement('canvas')

  constructor(canvas: HTMLCanvasElement) {
    const context = canvas.getContext('2d')
    if (!context) throw new Error('this browser gives no 2D canvas')
    this.#canvas = canvas
    this.#context = context
  }

  show(scene: Scene): void {
    const before = this.#scene.cells
    this.#scene = scene
    if (before.length > 0 && !this.#calm.matches) {
      const now = performance.now()
      for (const [cell, owner] of scene.cells.entries())
        if (before[cell] !== owner) this.#changed.set(cell, now)
    }
    this.#drawStill()
    this.#wake()
  }

  /** The canvas has another size: in CSS pixels, and how many real ones each is. */
  resize(side: number, density: number): void {
    const pixels = Math.max(1, Math.round(side * density))
    if (this.#canvas.width === pixels) return
    for (const canvas of [this.#canvas, this.#still]) {
      canvas.width = pixels
      canvas.height = pixels
    }
    this.#drawStill()
    this.#wake()
  }

  add({ kind, from, to, count }: Flow): void {
    const start = this.#scene.places.get(from)
    const end = this.#scene.places.get(to)
    if (start === undefined || end === undefined || this.#calm.matches) return
    const colour = this.#scene.colours.get(kind === 'task' ? to : from) ?? noColour
    const now = performance.now()
    const shown = Math.min(count, mostOfOneFlow, mostDots - this.#dots.length)
    for (let made = 0; made < shown; made++) {
      this.#dots.push({
        from: onCircle(start.at, chordRadius),
        to: onCircle(end.at, chordRadius),
        colour,
        radius: kind === 'task' ? 4 : kind === 'range' ? 3 : 2.6,
        starts: now + ((made + 0.5) / shown) * scatter,
        isHome: from === to,
      })
    }
    this.#wake()
  }

  stop(): void {
    cancelAnimationFrame(this.#frame)
    this.#frame = 0
  }

  #wake(): void {
    if (this.#frame === 0) this.#frame = requestAnimationFrame((now) => this.#draw(now))
  }

  #draw(now: number): void {
    this.#frame = 0
    const context = this.#context
    const scale = this.#canvas.width / size
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.clearRect(0, 0, this.#canvas.width, this.#canvas.height)
    if (this.#still.width > 0) context.drawImage(this.#still, 0, 0)
    context.setTransform(scale, 0, 0, scale, centre * scale, centre * scale)
    this.#drawGlow(now)
    this.#dots = this.#dots.filter(({ starts }) => now < starts + travelTime)
    for (const dot of this.#dots) this.#drawDot(dot, (now - dot.starts) / travelTime)
    context.globalAlpha = 1
    if (this.#dots.length > 0 || this.#changed.size > 0) this.#wake()
  }

  #drawDot({ from, to, colour, radius, isHome }: Dot, progress: number): void {
    if (progress < 0) return
    const context = this.#context
    const eased = progress * progress * (3 - 2 * progress)
    // Tasks that stay at home dip towards the centre and return; others bow through it.
    const bend = isHome ? 0.55 : 0.25
    const control = isHome
      ? { x: from.x * (1 - bend), y: from.y * (1 - bend) }
      : { x: ((from.x + to.x) / 2) * bend, y: ((from.y + to.y) / 2) * bend }
    const rest = 1 - eased
    const x = rest * rest * from.x + 2 * rest * eased * control.x + eased * eased * to.x
    const y = rest * rest * from.y + 2 * rest * eased * control.y + eased * eased * to.y
    context.globalAlpha = Math.min(1, 6 * progress, 6 * (1 - progress))
    context.fillStyle = colour
    context.beginPath()
    context.arc(x, y, radius, 0, 2 * Math.PI)
    context.fill()
  }

  #drawGlow(now: number): void {
    const context = this.#context
    for (const [cell, since] of this.#changed) {
      const left = 1 - (now - since) / glowTime
      if (left <= 0) {
        this.#changed.delete(cell)
        continue
      }
      context.globalAlpha = left
      context.fillStyle = this.#colourOf(cell)
      this.#cellPath(context, cell, band.inner - 2, band.outer + 10 * left)
      context.fill()
    }
  }

  #drawStill(): void {
    const context = this.#still.getContext('2d')
    if (!context || this.#still.width === 0) return
    const scale = this.#still.width / size
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.clearRect(0, 0, this.#still.width, this.#still.height)
    context.setTransform(scale, 0, 0, scale, centre * scale, centre * scale)
    for (const [cell, owner] of this.#scene.cells.entries()) {
      if (owner === undefined) continue
      context.fillStyle = this.#colourOf(cell)
      this.#cellPath(context, cell, band.inner, band.outer)
      context.fill()
    }
  }

  #colourOf(cell: number): string {
    return this.#scene.colours.get(this.#scene.cells[cell] ?? '') ?? noColour
  }

  #cellPath(context: CanvasRenderingContext2D, cell: number, inner: number, outer: number): void {
    const from = (cell / cellCount) * 2 * Math.PI - Math.PI / 2
    const to = ((cell + 1) / cellCount) * 2 * Math.PI - Math.PI / 2
    context.beginPath()
    context.arc(0, 0, outer, from, to)
    context.arc(0, 0, inner, to, from, true)
    context.closePath()
  }
}
