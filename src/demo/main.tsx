import { render } from 'preact'
import { MeshObserver } from '../picture/index.js'
import { Frames } from './frames.js'
import { startPeer } from './peer.js'
import { PixelBoard } from './pixel-board.js'
import { Stopwatch } from './stopwatch.js'
import { Tour } from './tour.js'
import { App } from './view/app.js'

const parameters = new URLSearchParams(location.search)
const root = document.getElementById('app') as HTMLElement

async function start(): Promise<void> {
  const { mesh, tree, jobs, reports } = await startPeer(parameters)
  const observer = new MeshObserver(mesh)
  reports.on(({ links, given }, from) => {
    observer.told(
      from,
      links.map(([to, kind]) => ({ from, to, kind })),
    )
    for (const [to, count] of given) if (count > 0) observer.flow({ kind: 'task', from, to, count })
  })
  const frames = new Frames(document.getElementById('frames') as HTMLElement)
  const stopwatch = new Stopwatch({ mesh, observer, frames, reports, tree })
  const pixels = new PixelBoard(mesh, observer)
  const tour = new Tour({ mesh, observer, frames, stopwatch, jobs, pixels })
  root.replaceChildren()
  render(<App {...{ mesh, observer, frames, stopwatch, jobs, pixels, tour }} />, root)
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
