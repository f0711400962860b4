import { useEffect, useState } from 'preact/hooks'
import type { Member, Mesh } from '../../index.js'
import {
  Forest,
  holdPress,
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
import type { Struck } from '../struck.js'
import type { Targets } from '../targets.js'
import type { Tour } from '../tour.js'
import { BreakIt } from './break-it.js'
import { Happenings } from './happenings.js'
import { Mandelbrot } from './mandelbrot.js'
import { Phone } from './phone.js'
import { Pixels } from './pixels.js'
import { Sightings } from './sightings.js'
import { StruckNote } from './struck-note.js'
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
  readonly targets: Targets
  readonly struck: Struck
}

export function App(props: AppProps) {
  const { mesh, observer, frames, stopwatch, jobs, pixels, tour, targets, struck } = props
  const [stay, setStay] = useState<'here' | 'leaving' | 'left'>('here')
  const [wanted, select] = useState(mesh.id)
  const leave = async (): Promise<void> => {
    setStay('leaving')
    await mesh.leave()
    setStay('left')
  }
  const nameOf = (member: Member): string =>
    frames.knows(member.id) ? `frame ${shortened(member.id)}` : nameOfPeer(observer, member)
  const nameOfId = (id: string): string => {
    const member = observer.members.value.find((each) => each.id === id)
    if (member !== undefined) return nameOf(member)
    return frames.knows(id) ? `frame ${shortened(id)}` : shortened(id)
  }
  // What the tour strikes is shown as what a visitor strikes.
  const { value: watched } = stopwatch.watched
  useEffect(() => {
    if (watched !== undefined) select(watched)
  }, [watched])
  const selected = chosen(wanted, props)
  return (
    <main class="page">
      <header class="head">
        <div>
          <h1>
            <img src="./ringmesh.svg" alt="" width="28" height="28" />
            ringmesh
          </h1>
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
            disabled={tour.isRunning.value || stay !== 'here'}
            data-testid="tour"
          >
            Take the tour
          </button>
          <Phone url={here()} />
          {stay === 'left' ? (
            <button type="button" class="main" onClick={() => location.reload()} data-testid="join-again">
              Join again
            </button>
          ) : (
            <button type="button" onClick={leave} disabled={stay === 'leaving'} data-testid="leave">
              {stay === 'leaving' ? 'Handing over…' : 'Leave'}
            </button>
          )}
        </div>
      </header>
      {stay === 'left' && (
        <p class="card" role="status">
          This tab has handed over what it held and left the mesh. What stands below is what it saw last.
        </p>
      )}
      <div class="board" inert={stay !== 'here'}>
        <section class="card" aria-label="The ring" id="ring">
          <RingPicture observer={observer} selected={selected} onSelect={select} nameOf={nameOf} />
          <Legend />
          <p class="note">
            Thick: each peer’s exact share of the keys. Thin: 720 of the ring’s 131,072 arcs as they lie. Dots
            are tasks on their way to a worker, writes on their way to an owner, and keys that move.
          </p>
        </section>
        <div class="side">
          {/* Above the table, which grows with every peer: what somebody is about to click must not move. */}
          <BreakIt {...{ mesh, observer, frames, stopwatch, targets, selected, select, nameOfId }} />
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
                    onPointerDown={holdPress}
                    onClick={() => select(member.id)}
                  >
                    {member.id === selected ? 'chosen' : 'choose'}
                  </button>
                )}
              />
            </section>
          </section>
          <Sightings stopwatch={stopwatch} nameOf={nameOfId} />
        </div>
      </div>
      <div class="trio" inert={stay !== 'here'}>
        <Pixels board={pixels} observer={observer} nameOf={nameOfId} />
        <Mandelbrot jobs={jobs} observer={observer} />
        <WordCount jobs={jobs} nameOf={nameOfId} />
      </div>
      {/* Below what is clicked: these grow with every peer and with all that happens. */}
      <div class="duo" inert={stay !== 'here'}>
        <section class="card" aria-label="Supervision trees" id="trees">
          <header>
            <h2>Supervision trees of the whole mesh</h2>
          </header>
          <Forest observer={observer} nameOf={nameOfId} />
        </section>
        <Happenings observer={observer} />
      </div>
      <TourFiguresView tour={tour} />
      <footer class="note">
        In a page of your own: <a href="./embed.html">one script tag and one element</a>, which join this room
        and show the same picture.
      </footer>
      <div class="captions">
        <StruckNote struck={struck} />
        <TourCaption tour={tour} />
      </div>
    </main>
  )
}

/** The peer that the visitor chose while it is there or is watched; then another that can be broken. */
function chosen(wanted: string, { mesh, observer, frames, stopwatch, targets }: AppProps): string {
  const isThere =
    frames.of(wanted) !== undefined ||
    targets.isCut(wanted) ||
    observer.members.value.some(({ id }) => id === wanted)
  if (isThere || stopwatch.watched.value === wanted) return wanted
  return frames.list.value.find(({ control }) => control !== undefined)?.control?.id ?? mesh.id
}

/** This page without the tour: what another tab or a phone shall open. */
function here(): string {
  const url = new URL(location.href)
  url.searchParams.delete('tour')
  return url.href
}
