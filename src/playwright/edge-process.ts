import * as ringmesh from '../index.node.js'
import type { EdgeAnswer, EdgeRequest } from './edge.js'
import { followMesh } from './trace.js'

/** The process of an edge worker that a test controls. */
const { Chaos, join } = ringmesh
// What a test evaluates finds the package here by the same name as in a page.
Object.assign(globalThis, { ringmesh })
const [signal = '', room = '', data = ''] = process.argv.slice(2)
const chaos = new Chaos()
const mesh = await join({
  signal,
  room,
  chaos,
  ...(data === '' ? {} : { persistence: data }),
})
const tell = (answer: EdgeAnswer): void => {
  process.send?.(answer)
}

process.on('message', async (request: EdgeRequest) => {
  const { id } = request
  try {
    if (request.type === 'cut') {
      chaos.cut(request.peers)
      tell({ type: 'done', id, value: undefined })
    } else {
      // The text comes from the test's own process, which could run anything here anyway.
      const body = new Function(`return (${request.body})`)() as (
        mesh: ringmesh.Mesh,
        parameter: unknown,
      ) => unknown
      tell({ type: 'done', id, value: await body(mesh, request.parameter) })
    }
  } catch (error) {
    tell({
      type: 'failed',
      id,
      message: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
    })
  }
})
const leave = async (): Promise<void> => {
  await mesh.leave()
  process.exit(0)
}
process.on('SIGTERM', leave)
process.on('disconnect', leave)
tell({ type: 'ready', peer: mesh.id })
followMesh(mesh, (what, about) => tell({ type: 'trace', what, about }))
