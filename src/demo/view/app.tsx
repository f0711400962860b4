import { useState } from 'preact/hooks'
import type { Member, Mesh } from '../../index.js'
import {
  Forest,
  Legend,
  type MeshObserver,
  nameOfPeer,
  PeerTable,
  RingPicture,
  shortened,
} from '../../picture/index.js'
import type { Frames } from '../frames.js'
import type { Jobs } from '../jobs.js'
import type { PixelBoard } from '../pixel-board.js'
import type { Stopwatch } from '../stopwatch.js'
import type { Tour } from '../tour.js'
import { BreakIt } from './break-it.js'
import { Happenings } from './happenings.js'
import { Mandelbrot } from './mandelbrot.js'
import { Phone } from './phone.js'
import { Pixels } from './pixels.js'
import { Sightings } from './sightings.js'
import { TourCaption, TourFiguresView } from './tour-caption.js'
import { WordCount } from './word-count.js'

export interface AppProps {
  readonly mesh: Mesh
  readonly observer: MeshObserver
  readonly frames: Frames
  readonly stopwatch: Stopwatch
  readonly jobs: Jobs
  readonly pixels: PixelBoard
  readonly tour: Tour
}

export function App({ mesh, observer, frames, stopwatch, jobs, pixels, tour }: AppProps) {
  const [hasLeft, setLeft] = useState(false)
  const [selected, select] = useState(mesh.id)
  const leave = async (): Promise<void> => {
    setLeft(true)
    await mesh.leave()
  }
  const nameOf = (member: Member): string => {
    const frame = frames.of(member.id)
    if (frame === undefined) return nameOfPeer(observer, member)
    return `frame ${shortened(member.id)}`
  }
  const nameOfId = (id: string): string => {
    const member = observer.members.value.find((each) => each.id === id)
    return member === undefined ? shortened(id) : nameOf(member)
  }
  return (
    <main class="page">
      <header class="head">
        <div>
          <h1>ringmesh</h1>
          <p>
            This tab is a peer. Open more, and they are one cluster: they share state over a hash ring, split
            work between them, and carry on when one of them dies.
          </p>
        </div>
        <div class="buttons">
          <a class="button main" href={here()} target="_blank" rel="noreferrer" data-testid="open-tab">
            Open another tab
          </a>
          <button
            type="button"
            onClick={() => void tour.run()}
            disabled={tour.isRunning.value || hasLeft}
            data-testid="tour"
          >
            Take the tour
          </button>
          <Phone url={here()} />
          <button type="button" onClick={leave} disabled={hasLeft} data-testid="leave">
            {hasLeft ? 'Left: close or reload' : 'Leave'}
          </button>
        </div>
      </header>
      <div class="board">
        <section class="card" aria-label="The ring">
          <RingPicture observer={observer} selected={selected} onSelect={select} nameOf={nameOf} />
          <Legend />
          <p class="note">
            Thick: each peer’s exact share of the keys. Thin: 720 of the ring’s 131,072 arcs as they lie. Dots
            are tasks on their way to a worker, writes on their way to an owner, and keys that move.
          </p>
        </section>
        <div class="side">
          <section class="card" aria-label="Peers">
            <header>
              <h2>Peers</h2>
            </header>
            {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
            <section class="scroll" aria-label="Table of peers" tabIndex={0}>
              <PeerTable
                observer={observer}
                nameOf={nameOf}
                extra={(member) => (
                  <button
                    type="button"
                    class="small-button"
                    aria-pressed={member.id === selected}
                    aria-label={`Choose ${nameOf(member)}`}
                    onClick={() => select(member.id)}
                  >
                    {member.id === selected ? 'chosen' : 'choose'}
                  </button>
                )}
              />
            </section>
          </section>
          <BreakIt {...{ mesh, observer, frames, stopwatch, selected, select, nameOfId }} />
          <Sightings stopwatch={stopwatch} nameOf={nameOfId} />
        </div>
      </div>
      <div class="duo">
        <section class="card" aria-label="Supervision trees">
          <header>
            <h2>Supervision trees of the whole mesh</h2>
          </header>
          <Forest observer={observer} nameOf={nameOfId} />
        </section>
        <Happenings observer={observer} />
      </div>
      <TourFiguresView tour={tour} />
      <div class="trio">
        <Pixels board={pixels} observer={observer} />
        <Mandelbrot jobs={jobs} observer={observer} />
        <WordCount jobs={jobs} />
      </div>
      <TourCaption tour={tour} />
    </main>
  )
}

/** This page without the tour: what another tab or a phone shall open. */
function here(): string {
  const url = new URL(location.href)
  url.searchParams.delete('tour')
  return url.href
}
