import { render } from 'preact'
import { MeshObserver } from '../picture/index.js'
import { faults } from './fault.js'
import { Frames } from './frames.js'
import { Freezer } from './freezer.js'
import { LastWords } from './last-words.js'
import { Neighbours } from './neighbours.js'
import { obey } from './orders.js'
import { startPeer } from './peer.js'
import { PixelBoard } from './pixel-board.js'
import { Stopwatch } from './stopwatch.js'
import { Struck } from './struck.js'
import { Targets } from './targets.js'
import { Tour } from './tour.js'
import { App } from './view/app.js'

// Before anything sets a timer: another page of the demo may freeze this one.
const freezer = new Freezer(window)
const lastWords = new LastWords(window)
const parameters = new URLSearchParams(location.search)
const root = document.getElementById('app') as HTMLElement

async function start(): Promise<void> {
  const { mesh, tree, jobs, reports, chaos } = await startPeer(parameters)
  const observer = new MeshObserver(mesh)
  reports.on(({ links, given }, from) => {
    observer.told(
      from,
      links.map(([to, kind]) => ({ from, to, kind })),
    )
    for (const [to, count] of given) if (count > 0) observer.flow({ kind: 'task', from, to, count })
  })
  const frames = new Frames(document.getElementById('frames') as HTMLElement)
  const struck = new Struck({ tree, chaos, freezer, lastWords })
  obey(mesh, struck.deeds)
  reports.offer(faults)
  const neighbours = new Neighbours(mesh.id, struck.deeds)
  const targets = new Targets({ mesh, tree, frames, reports, neighbours })
  const stopwatch = new Stopwatch({ mesh, observer, reports, targets })
  const pixels = new PixelBoard(mesh, observer)
  const tour = new Tour({ mesh, observer, frames, stopwatch, jobs, pixels })
  root.replaceChildren()
  render(<App {...{ mesh, observer, frames, stopwatch, jobs, pixels, tour, targets, struck }} />, root)
  performance.mark('ringmesh:drawn')
  root.dataset.peer = mesh.id
  root.dataset.ready = 'true'
  if (parameters.has('tour')) await tour.run()
}

start().catch((error: Error) => {
  const message = document.createElement('p')
  message.className = 'page failure'
  message.setAttribute('role', 'alert')
  message.textContent = `${error.name}: ${error.message}`
  root.replaceChildren(message)
})
