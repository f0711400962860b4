import { useState } from 'preact/hooks'
import type { Mesh } from '../../index.js'
import type { MeshObserver } from '../../picture/index.js'
import { type Frames, mostFrames } from '../frames.js'
import { type Fault, freezeFor, type Stopwatch } from '../stopwatch.js'

interface BreakItProps {
  readonly mesh: Mesh
  readonly observer: MeshObserver
  readonly frames: Frames
  readonly stopwatch: Stopwatch
  readonly selected: string
  readonly select: (id: string) => void
  readonly nameOfId: (id: string) => string
}

/** Adds peers to this page, and does to them what happens to tabs. */
export function BreakIt({ mesh, observer, frames, stopwatch, selected, select, nameOfId }: BreakItProps) {
  const [failure, setFailure] = useState<string>()
  const list = frames.list.value
  const frame = frames.of(selected)
  const isSelf = selected === mesh.id
  const isBusy = stopwatch.isRunning.value
  const joining = list.filter(({ control }) => control === undefined).length

  const add = async (count: number, hidden: boolean): Promise<void> => {
    setFailure(undefined)
    try {
      const ids = await Promise.all(Array.from({ length: count }, () => frames.add({ hidden })))
      if (ids[0] !== undefined) select(ids[0])
    } catch (error) {
      setFailure((error as Error).message)
    }
  }
  const strike = (fault: Fault) => (): void => {
    setFailure(undefined)
    stopwatch.strike(fault, selected).catch((error: Error) => setFailure(error.message))
  }
  const isHere = observer.members.value.some(({ id }) => id === selected)
  const isOurs = isSelf || frame !== undefined
  const isHealthy = frame !== undefined && !frame.isCut && !frame.isFrozen
  return (
    <section class="card" aria-label="Break it">
      <header>
        <h2>Break it</h2>
        <div class="buttons">
          <button
            type="button"
            onClick={() => void add(3, false)}
            disabled={list.length + 3 > mostFrames}
            data-testid="add-three"
          >
            Add three peers here
          </button>
          <button
            type="button"
            onClick={() => void add(1, true)}
            disabled={list.length >= mostFrames}
            data-testid="add-hidden"
          >
            Add a hidden one
          </button>
        </div>
      </header>
      <p class="chosen" data-testid="chosen" data-peer={selected}>
        <span class="dot" style={{ background: observer.colours.value.get(selected) ?? 'transparent' }} />
        <b>{nameOfId(selected)}</b>{' '}
        <span class="state">
          {isOurs
            ? 'is chosen. While it breaks, tasks run and writes are made; everything below is measured.'
            : isHere
              ? 'is not of this page: choose this tab, or a frame that you added.'
              : 'is gone. Choose another.'}
        </span>
      </p>
      <div class="buttons">
        <button
          type="button"
          class="danger"
          disabled={isBusy || !isOurs || frame?.isFrozen}
          onClick={strike('crash-worker')}
          data-testid="crash-worker"
        >
          Crash its worker
        </button>
        <button
          type="button"
          class="danger"
          disabled={isBusy || !isOurs || frame?.isFrozen}
          onClick={strike('hang-worker')}
          data-testid="hang-worker"
        >
          Hang its worker
        </button>
        <button
          type="button"
          class="danger"
          disabled={isBusy || !isHealthy}
          onClick={strike('freeze')}
          data-testid="freeze"
        >
          Freeze it {freezeFor / 1000} s
        </button>
        {frame?.isCut ? (
          <button type="button" class="main" disabled={isBusy} onClick={strike('heal')} data-testid="heal">
            Connect it again
          </button>
        ) : (
          <button
            type="button"
            class="danger"
            disabled={isBusy || !isHealthy}
            onClick={strike('cut')}
            data-testid="cut"
          >
            Cut it off
          </button>
        )}
        <button
          type="button"
          class="danger"
          disabled={isBusy || frame === undefined}
          onClick={strike('kill')}
          data-testid="kill"
        >
          Kill it
        </button>
        {frame !== undefined && (
          <button
            type="button"
            disabled={isBusy}
            onClick={() => (frame.isHidden ? frames.show(selected) : frames.hide(selected))}
            data-testid="hide"
          >
            {frame.isHidden ? 'Show it' : 'Hide it'}
          </button>
        )}
      </div>
      <p class="note" role="status">
        {failure ?? (joining > 0 ? `${joining} joining…` : isBusy ? 'Watching…' : '')}
      </p>
    </section>
  )
}
