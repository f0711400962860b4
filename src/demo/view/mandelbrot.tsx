import { useEffect, useRef, useState } from 'preact/hooks'
import { type MeshObserver, noColour } from '../../picture/index.js'
import type { Jobs, OnTile } from '../jobs.js'
import { picture, type Tile, tilesOf, type Viewport, whole } from '../work/mandelbrot.js'

const { width, height } = picture

/** Each click shows a part this many times smaller. */
const zoom = 4

/** Width of the deepest picture: the pixels of a deeper one are closer than doubles can tell apart. */
const smallestSpan = 1e-11

/** A picture drawn tile by tile by the whole mesh, each tile in the tint of the peer that drew it. */
export function Mandelbrot({ jobs, observer }: { jobs: Jobs; observer: MeshObserver }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const running = useRef<AbortController>()
  const [viewport, setViewport] = useState<Viewport>(whole)
  const [message, setMessage] = useState('')

  const draw = async (wanted: Viewport, onTile?: OnTile): Promise<void> => {
    const context = canvas.current?.getContext('2d')
    if (!context) return
    const where = { ...wanted, span: Math.max(smallestSpan, wanted.span) }
    const tiles = tilesOf(where).length
    running.current?.abort()
    const stop = new AbortController()
    running.current = stop
    setViewport(where)
    setMessage('drawing…')
    const start = performance.now()
    const drawnBy = new Set<string>()
    let drawnTiles = 0
    const paintTile: OnTile = (tile, drawn) => {
      if (stop.signal.aborted) return
      drawnBy.add(drawn.peer)
      paint(context, tile, drawn.shades, observer.colours.value.get(drawn.peer) ?? noColour)
      setMessage(`drawing: ${++drawnTiles} of ${tiles} tiles`)
      onTile?.(tile, drawn)
    }
    try {
      await jobs.draw(where, paintTile, stop.signal)
      setMessage(
        `${drawnTiles} tiles by ${drawnBy.size} peers in ${Math.round(performance.now() - start)} ms`,
      )
    } catch (error) {
      if (!stop.signal.aborted) setMessage(String(error))
    }
  }
  useEffect(() => {
    const stopShowing = jobs.showOn(draw)
    // Nobody draws for a canvas that nobody looks at; the first look is enough.
    const seen = new IntersectionObserver(([entry]) => {
      if (!entry?.isIntersecting) return
      seen.disconnect()
      if (running.current === undefined) void draw(whole)
    })
    if (canvas.current) seen.observe(canvas.current)
    return () => {
      seen.disconnect()
      stopShowing()
      running.current?.abort()
    }
  }, [jobs])

  const zoomIn = (event: MouseEvent): void => {
    const element = event.currentTarget as HTMLCanvasElement
    const x = event.offsetX / element.clientWidth - 0.5
    const y = (event.offsetY / element.clientHeight - 0.5) * (height / width)
    const { centreX, centreY, span } = viewport
    void draw({ centreX: centreX + x * span, centreY: centreY + y * span, span: span / zoom })
  }
  return (
    <section class="card" aria-label="Mandelbrot" id="mandelbrot">
      <header>
        <h2>Draw together</h2>
        <div class="buttons">
          <button
            type="button"
            onClick={() => void draw({ ...viewport, span: viewport.span / zoom })}
            aria-label="Zoom in"
          >
            +
          </button>
          <button
            type="button"
            onClick={() =>
              void draw(
                viewport.span * zoom > whole.span ? whole : { ...viewport, span: viewport.span * zoom },
              )
            }
            aria-label="Zoom out"
          >
            −
          </button>
          <button type="button" onClick={() => void draw(whole)} data-testid="draw">
            Whole set
          </button>
        </div>
      </header>
      <canvas
        ref={canvas}
        class="mandelbrot"
        width={width}
        height={height}
        onClick={zoomIn}
        role="img"
        aria-label="The Mandelbrot set"
      />
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
    // The eye sees steps of light by their ratio: without the root most of a tile would look black.
    const light = Math.sqrt((shades[pixel] ?? 0) / 255)
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
