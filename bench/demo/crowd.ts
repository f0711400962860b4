import { Reports } from '../../src/demo/reports.js'
import { prove } from '../../src/demo/work/proof.js'
import { join, type Mesh } from '../../src/index.node.js'

/** Peers in this process that do what the demo's peers do, and hand out tasks at a steady rate. */
export interface Crowd {
  /** Starts to hand out so many tasks a second, all peers together. */
  start(tasksPerSecond: number): void
  /** Hands out nothing more; answers how many came back right since `start`, a second. */
  stop(): Promise<number>
  leave(): Promise<void>
}

/** Milliseconds between two turns of handing out: more often than a frame, so that tasks do not come in volleys. */
const handOutEvery = 10

/** Joins so many peers to the room of a demo. */
export async function gather(signal: string, room: string, peers: number): Promise<Crowd> {
  const meshes: Mesh[] = []
  // One after the other: a newcomer dials all who are there, and a crowd that dials at once starves the page's threads.
  for (let index = 0; index < peers; index++) {
    const mesh = await join({ signal, room, weight: 1 })
    mesh.tasks.define<number, number>('prove', async (seed) => prove(seed), { concurrency: 2 })
    meshes.push(mesh)
  }
  const reports = meshes.map((mesh) => new Reports(mesh))
  let timer: ReturnType<typeof setInterval> | undefined
  let since = 0
  let given = 0
  let right = 0
  let underWay: Promise<void>[] = []
  return {
    start: (tasksPerSecond) => {
      since = performance.now()
      given = 0
      right = 0
      underWay = []
      timer = setInterval(() => {
        const due = Math.floor(((performance.now() - since) / 1_000) * tasksPerSecond)
        for (; given < due; given++) {
          const seed = given + 1
          const run = meshes[given % meshes.length]?.tasks.run<number>('prove', seed)
          underWay.push(
            Promise.resolve(run).then((answer) => {
              if (answer === prove(seed)) right++
            }),
          )
        }
      }, handOutEvery)
    },
    stop: async () => {
      clearInterval(timer)
      const seconds = (performance.now() - since) / 1_000
      await Promise.all(underWay)
      return right / seconds
    },
    leave: async () => {
      for (const each of reports) each.stop()
      await Promise.all(meshes.map((mesh) => mesh.leave()))
    },
  }
}
