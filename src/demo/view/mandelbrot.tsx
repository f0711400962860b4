import { useEffect, useRef, useState } from 'preact/hooks'
import type { Jobs } from '../jobs.js'
import { colours } from '../live.js'
import type { Tile, Viewport } from '../work/mandelbrot.js'

const width = 768
const height = 512
const whole: Viewport = { centreX: -0.6, centreY: 0, span: 3.2 }

/** Each click shows a part this many times smaller. */
const zoom = 4

/** A picture drawn tile by tile by the whole mesh, each tile in the tint of the peer that drew it. */
export function Mandelbrot({ jobs }: { jobs: Jobs }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const running = useRef<AbortController>()
  const [viewport, setViewport] = useState<Viewport>()
  const [message, setMessage] = useState('')

  useEffect(() => {
    const context = canvas.current?.getContext('2d')
    if (!context || viewport === undefined) return
    const stop = new AbortController()
    running.current = stop
    const start = performance.now()
    const drawnBy = new Map<string, number>()
    const onTile = (tile: Tile, drawn: { shades: Uint8Array; peer: string }): void => {
      if (stop.signal.aborted) return
      drawnBy.set(drawn.peer, (drawnBy.get(drawn.peer) ?? 0) + 1)
      paint(context, tile, drawn.shades, colours.value.get(drawn.peer) ?? '#888888')
    }
    setMessage('drawing…')
    jobs.draw(viewport, width, height, onTile, stop.signal).then(
      () => {
        const tiles = [...drawnBy.values()].reduce((sum, count) => sum + count, 0)
        setMessage(`${tiles} tiles by ${drawnBy.size} peers in ${Math.round(performance.now() - start)} ms`)
      },
      (error: Error) => {
        if (!stop.signal.aborted) setMessage(String(error))
      },
    )
    return () => stop.abort()
  }, [viewport, jobs])

  const zoomIn = (event: MouseEvent): void => {
    const from = viewport ?? whole
    const element = event.currentTarget as HTMLCanvasElement
    const x = event.offsetX / element.clientWidth - 0.5
    const y = (event.offsetY / element.clientHeight - 0.5) * (height / width)
    setViewport({
      centreX: from.centreX + x * from.span,
      centreY: from.centreY + y * from.span,
      span: from.span / zoom,
    })
  }
  return (
    <section class="card" aria-label="Mandelbrot">
      <header>
        <h2>Draw the Mandelbrot set</h2>
        <button type="button" onClick={() => setViewport({ ...whole })} data-testid="draw">
          Draw it
        </button>
      </header>
      <canvas ref={canvas} class="mandelbrot" width={width} height={height} onClick={zoomIn} />
      <p class="note" data-testid="draw-state">
        {message || 'Each tile is a task; its tint is the peer that drew it. Click to zoom in.'}
      </p>
    </section>
  )
}

function paint(context: CanvasRenderingContext2D, tile: Tile, shades: Uint8Array, tint: string): void {
  const { size } = tile
  const image = context.createImageData(size, size)
  const [red, green, blue] = components(tint)
  for (let pixel = 0; pixel < shades.length; pixel++) {
    const light = (shades[pixel] ?? 0) / 255
    image.data[4 * pixel] = red * light
    image.data[4 * pixel + 1] = green * light
    image.data[4 * pixel + 2] = blue * light
    image.data[4 * pixel + 3] = 255
  }
  context.putImageData(image, tile.column * size, tile.row * size)
}

function components(colour: string): [number, number, number] {
  const value = Number.parseInt(colour.slice(1), 16)
  return [value >> 16, (value >> 8) & 255, value & 255]
}
