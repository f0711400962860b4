import { render } from 'preact'
import { join, type ProcessRef, worker } from '../index.js'
import { Jobs } from './jobs.js'
import { follow } from './live.js'
import { App } from './view/app.js'

const parameters = new URLSearchParams(location.search)
const root = document.getElementById('app') as HTMLElement

/** The demo's own server signals beside the page; `?signal=` names another. */
function signalUrl(): string {
  return (
    parameters.get('signal') ??
    new URL('signal', location.href).href.replace(/^http/, 'ws').replace(/\?.*$/, '')
  )
}

async function start(): Promise<void> {
  const mesh = await join({ signal: signalUrl(), room: parameters.get('room') ?? 'demo' })
  const tree = await mesh.supervise({
    strategy: 'one_for_one',
    children: [
      {
        id: 'compute',
        start: worker(() => new Worker(new URL('./compute.worker.ts', import.meta.url), { type: 'module' })),
      },
    ],
  })
  const compute = (): ProcessRef => {
    const child = tree.children().find(({ id }) => id === 'compute')
    if (child?.ref === undefined) throw new Error('the compute thread is being restarted')
    return child.ref
  }
  const jobs = new Jobs(mesh, compute)
  follow(mesh)
  render(<App mesh={mesh} jobs={jobs} tree={tree} />, root)
  root.dataset.peer = mesh.id
  root.dataset.ready = 'true'
}

start().catch((error: Error) => {
  const message = document.createElement('p')
  message.className = 'page failure'
  message.setAttribute('role', 'alert')
  message.textContent = `${error.name}: ${error.message}`
  root.replaceChildren(message)
})
