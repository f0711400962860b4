import { useEffect, useRef, useState } from 'preact/hooks'
import { type MeshObserver, noColour } from '../../picture/index.js'
import { boardSide, type PixelBoard, paintNames, paints } from '../pixel-board.js'

/** Pixels of the canvas for each of the board. */
const scale = 8

interface PixelsProps {
  readonly board: PixelBoard
  readonly observer: MeshObserver
  readonly nameOf: (id: string) => string
}

/** The shared board: everybody paints, and the ring keeps it. */
export function Pixels({ board, observer, nameOf }: PixelsProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const last = useRef<number>()
  const [paint, setPaint] = useState(1)
  const [cursor, setCursor] = useState<number>()
  const [showsOwners, setShowsOwners] = useState(false)
  const [failure, setFailure] = useState<string>()
  const [, setChanges] = useState(0)
  const colours = observer.colours.value
  const view = observer.view.value

  useEffect(() => {
    const context = canvas.current?.getContext('2d')
    if (!context) return
    const draw = (index: number, code: number): void => {
      const x = (index % boardSide) * scale
      const y = Math.floor(index / boardSide) * scale
      context.clearRect(x, y, scale, scale)
      if (showsOwners) {
        context.fillStyle = `${colours.get(board.ownerOf(index) ?? '') ?? noColour}59`
        context.fillRect(x, y, scale, scale)
      }
      context.fillStyle = paints[code] ?? noColour
      if (code !== 0)
        context.fillRect(
          x + (showsOwners ? 2 : 0),
          y + (showsOwners ? 2 : 0),
          scale - (showsOwners ? 4 : 0),
          scale - (showsOwners ? 4 : 0),
        )
    }
    for (const [index, code] of board.codes.entries()) draw(index, code)
    return board.on(draw)
  }, [board, showsOwners, colours, view])

  // The line below tells of the pixel under the cursor, also when another peer paints it.
  // A reference, as an effect would follow the cursor only a frame later, and miss what is painted in between.
  const shown = useRef(cursor)
  shown.current = cursor
  useEffect(
    () =>
      board.on((index) => {
        if (index === shown.current) setChanges((changes) => changes + 1)
      }),
    [board],
  )

  const put = (index: number): void => {
    setFailure(undefined)
    board.paint(index, paint).catch((error: Error) => setFailure(`not kept: ${error.message}`))
  }
  const indexAt = (event: PointerEvent): number => {
    const element = event.currentTarget as HTMLCanvasElement
    const place = (offset: number, length: number): number =>
      Math.max(0, Math.min(boardSide - 1, Math.floor((offset / length) * boardSide)))
    return place(event.offsetY, element.clientHeight) * boardSide + place(event.offsetX, element.clientWidth)
  }
  const onPointerMove = (event: PointerEvent): void => {
    const index = indexAt(event)
    if (event.buttons === 1) for (const each of between(last.current ?? index, index)) put(each)
    last.current = event.buttons === 1 ? index : undefined
    setCursor(index)
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const at = cursor ?? 0
    const x = at % boardSide
    const y = Math.floor(at / boardSide)
    const step: Readonly<Record<string, readonly [number, number]>> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    }
    const move = step[event.key]
    if (event.key === ' ' || event.key === 'Enter') put(at)
    else if (move !== undefined)
      setCursor(((y + move[1] + boardSide) % boardSide) * boardSide + ((x + move[0] + boardSide) % boardSide))
    else return
    event.preventDefault()
  }
  const owner = cursor === undefined ? undefined : board.ownerOf(cursor)
  return (
    <section class="card" aria-label="Pixel board" id="pixels">
      <header>
        <h2>Paint together</h2>
        <label class="switch">
          <input
            type="checkbox"
            checked={showsOwners}
            onChange={(event) => setShowsOwners(event.currentTarget.checked)}
          />{' '}
          whose keys
        </label>
      </header>
      <div class="paint-box" role="radiogroup" aria-label="Paint">
        {paints.map((colour, code) => (
          <label
            key={paintNames[code]}
            class={['paint', code === paint ? 'chosen-paint' : '', code === 0 ? 'eraser' : ''].join(' ')}
            style={{ background: code === 0 ? undefined : colour }}
          >
            <input
              type="radio"
              name="paint"
              checked={code === paint}
              onChange={() => setPaint(code)}
              aria-label={paintNames[code]}
            />
          </label>
        ))}
      </div>
      <div class="pixels">
        {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: arrow keys belong to the board, not to the reader */}
        <canvas
          ref={canvas}
          width={boardSide * scale}
          height={boardSide * scale}
          tabIndex={0}
          role="application"
          aria-label="Board of 64 by 64 pixels. Arrow keys move, space paints."
          data-testid="pixels"
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId)
            onPointerMove(event)
          }}
          onPointerMove={onPointerMove}
          onPointerUp={() => {
            last.current = undefined
          }}
          onKeyDown={onKeyDown}
        />
        {cursor !== undefined && (
          <span
            class="cursor"
            style={{
              left: `${((cursor % boardSide) / boardSide) * 100}%`,
              top: `${(Math.floor(cursor / boardSide) / boardSide) * 100}%`,
            }}
          />
        )}
      </div>
      <p class="note" data-testid="pixel-state">
        {failure ??
          (cursor === undefined
            ? 'Each pixel is a key of the sharded state, kept by three peers.'
            : `Key ${cursor % boardSide},${Math.floor(cursor / boardSide)}: ${paintNames[board.codes[cursor] ?? 0]}, owned by ${owner === undefined ? 'nobody' : nameOf(owner)}`)}
      </p>
    </section>
  )
}

/** The pixels on the straight line from one to another, so that a fast stroke has no gaps. */
function between(from: number, to: number): number[] {
  const [x, y] = [from % boardSide, Math.floor(from / boardSide)]
  const across = (to % boardSide) - x
  const down = Math.floor(to / boardSide) - y
  const steps = Math.max(Math.abs(across), Math.abs(down), 1)
  return Array.from({ length: steps + 1 }, (_, step) => {
    const part = step / steps
    return Math.round(y + down * part) * boardSide + Math.round(x + across * part)
  })
}
