import { useState } from 'preact/hooks'
import type { Mesh, Supervisor } from '../../index.js'
import type { Jobs } from '../jobs.js'
import { happenings } from '../live.js'
import { Mandelbrot } from './mandelbrot.js'
import { PeerList } from './peer-list.js'
import { RingPicture } from './ring-picture.js'
import { Supervision } from './supervision.js'
import { WordCount } from './word-count.js'

export function App({ mesh, jobs, tree }: { mesh: Mesh; jobs: Jobs; tree: Supervisor }) {
  const [hasLeft, setLeft] = useState(false)
  const leave = async (): Promise<void> => {
    setLeft(true)
    await mesh.leave()
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
          <a class="button main" href={location.href} target="_blank" rel="noreferrer" data-testid="open-tab">
            Open another tab
          </a>
          <button type="button" onClick={leave} disabled={hasLeft} data-testid="leave">
            {hasLeft ? 'Left: close or reload' : 'Leave'}
          </button>
        </div>
      </header>
      <div class="board">
        <section class="card" aria-label="Ring">
          <RingPicture self={mesh.id} />
        </section>
        <div class="side">
          <PeerList self={mesh.id} />
          <Supervision tree={tree} />
          <section class="card" aria-label="What happened">
            <header>
              <h2>What happened</h2>
            </header>
            <ol class="log" aria-live="polite">
              {happenings.value.map(({ at, text }) => (
                <li key={`${at} ${text}`}>
                  <code>{new Date(at).toLocaleTimeString('en-GB')}</code> {text}
                </li>
              ))}
            </ol>
          </section>
        </div>
      </div>
      <div class="work">
        <WordCount jobs={jobs} />
        <Mandelbrot jobs={jobs} />
      </div>
    </main>
  )
}
