import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import type { Mesh } from '../../index.js'
import type { MeshObserver } from '../../picture/index.js'
import { type Fault, faults, freezeFor } from '../fault.js'
import { type Frames, mostFrames } from '../frames.js'
import type { Stopwatch } from '../stopwatch.js'
import type { Targets } from '../targets.js'

interface BreakItProps {
  readonly mesh: Mesh
  readonly observer: MeshObserver
  readonly frames: Frames
  readonly stopwatch: Stopwatch
  readonly targets: Targets
  readonly selected: string
  readonly select: (id: string) => void
  readonly nameOfId: (id: string) => string
}

/** Adds peers to this page, and does to them what happens to tabs. */
export function BreakIt({
  mesh,
  observer,
  frames,
  stopwatch,
  targets,
  selected,
  select,
  nameOfId,
}: BreakItProps) {
  const [failure, setFailure] = useState<string>()
  const list = frames.list.value
  const frame = frames.of(selected)
  const isSelf = selected === mesh.id
  const { value: watched } = stopwatch.watched
  const cutOff = targets.cutOff.filter((id) => id !== selected)
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
  const strike = (fault: Fault): void => {
    setFailure(undefined)
    stopwatch.strike(fault, selected).catch((error: Error) => setFailure(error.message))
  }
  const isFree = watched === undefined
  const canDo = (fault: Fault): boolean => isFree && targets.offers(selected, fault)
  const explanation = (): string => {
    if (selected === watched) {
      const isHidden = observer.members.value.some(({ id, state }) => id === selected && state === 'parked')
      return isHidden
        ? 'A hidden peer may be silent for a minute before it is doubted.'
        : 'What the mesh does about it is measured below.'
    }
    if (isSelf) {
      const others = observer.members.value.length === 1 ? 'add peers' : 'choose another peer'
      return `Its worker can be broken. To freeze a peer, cut it off or kill it, ${others}.`
    }
    if (!faults.some((fault) => targets.offers(selected, fault)))
      return 'It does not let others break it: choose another peer.'
    const wholly = frame !== undefined || targets.offers(selected, 'cut') || targets.isCut(selected)
    return wholly
      ? 'While it breaks, tasks run and writes are made; what comes of them is measured.'
      : 'Only a tab of this browser can be cut off: no other could be told to connect again.'
  }
  const news = (): string => {
    if (failure !== undefined) return failure
    if (joining > 0) return `${joining} joining…`
    return list.length + 3 > mostFrames
      ? `This page holds ${mostFrames} peers at most: open another tab for more.`
      : ''
  }
  return (
    <section class="card" aria-label="Break it">
      <header>
        <h2>Break it</h2>
        <div class="buttons">
          <button
            type="button"
            class={list.length === 0 ? 'main' : undefined}
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
        <span class="state">{selected === watched ? 'is being watched' : 'is chosen'}</span>
      </p>
      {/* Before the explanation, whose lines come and go: what is clicked must not move. */}
      <div class="strikes">
        <Strike fault="crash-worker" {...{ canDo, strike }}>
          Crash its worker
        </Strike>
        <Strike fault="hang-worker" {...{ canDo, strike }}>
          Hang its worker
        </Strike>
        <Strike fault="freeze" {...{ canDo, strike }}>
          Freeze it {freezeFor / 1000} s
        </Strike>
        {targets.isCut(selected) ? (
          <Strike fault="heal" {...{ canDo, strike }}>
            Connect it again
          </Strike>
        ) : (
          <Strike fault="cut" {...{ canDo, strike }}>
            Cut it off
          </Strike>
        )}
        <Strike fault="kill" {...{ canDo, strike }}>
          Kill it
        </Strike>
        <button
          type="button"
          disabled={!isFree || frame === undefined}
          onClick={() => (frame?.isHidden ? frames.show(selected) : frames.hide(selected))}
          data-testid="hide"
        >
          {frame?.isHidden ? 'Show it' : 'Hide it'}
        </button>
      </div>
      <p class="note explanation">{explanation()}</p>
      {cutOff.length > 0 && (
        <p class="note">
          Cut off:{' '}
          {cutOff.map((id) => (
            <button key={id} type="button" class="small-button" onClick={() => select(id)}>
              choose {nameOfId(id)}
            </button>
          ))}
        </p>
      )}
      <p class="note" role="status">
        {news()}
      </p>
    </section>
  )
}

interface StrikeProps {
  readonly fault: Fault
  readonly canDo: (fault: Fault) => boolean
  readonly strike: (fault: Fault) => void
  readonly children: ComponentChildren
}

/** A button that does a fault to the chosen peer; to heal is the only kind one. */
function Strike({ fault, canDo, strike, children }: StrikeProps) {
  return (
    <button
      type="button"
      class={fault === 'heal' ? 'main' : 'danger'}
      disabled={!canDo(fault)}
      onClick={() => strike(fault)}
      data-testid={fault}
    >
      {children}
    </button>
  )
}
