import { expect, it, vi } from 'vitest'
import { startSignalServer } from '../../signaling/index.js'
import { GenServer, join, type Mesh } from '../index.node.js'
import { collectGarbage } from '../runtime/testing/collect-garbage.js'

/** How often the page joins and leaves; two hundred times by `RINGMESH_JOINS=200`. */
const joins = Number(process.env.RINGMESH_JOINS ?? 80)

/** In how many rooms at once. Of more the server would have to keep some waiting, as all come from one address. */
const roomsAtOnce = 8

/** Bytes by which buffers may grow over all joins; with 32 KiB kept for each peer that went it were two of them. */
const mostBytes = 1_000_000

class Idle extends GenServer {}

/** Does a little of everything that a page does in a mesh. */
async function use(mesh: Mesh): Promise<void> {
  mesh.tasks.define('double', (input: number) => input * 2)
  mesh.on('up', () => {})
  // Where the machine is busy, the peer that stays may be known only a moment after the join.
  await vi.waitFor(() => expect(mesh.ring.size).toBe(2), { timeout: 60_000 })
  const store = mesh.store<number>('s')
  store.watch({ prefix: '' }, () => {})
  await store.put(mesh.id, 1)
  expect(await mesh.tasks.run('double', 2)).toBe(4)
  await mesh.supervise({ children: [{ id: 'idle', start: [Idle] }] })
}

it(`keeps nothing of ${joins} meshes that were joined and left in one process, nor of the peers that came and went`, async () => {
  const server = await startSignalServer({ port: 0 })
  const enter = (room: number): Promise<Mesh> => join({ signal: server.url, room: `${room}`, relay: 'only' })
  const stays = await Promise.all(Array.from({ length: roomsAtOnce }, (_, room) => enter(room)))
  let entered = 0
  let collected = 0
  const registry = new FinalizationRegistry(() => collected++)
  const comeAndGo = async (room: number): Promise<void> => {
    const mesh = await enter(room)
    registry.register(mesh, undefined)
    entered++
    await use(mesh)
    await mesh.leave()
  }
  /** Until all meshes that were left are collected: some timers of a mesh fire after it was left. */
  const buffersOnceCollected = async (): Promise<number> => {
    await vi.waitFor(
      () => {
        collectGarbage()
        expect(collected).toBe(entered)
      },
      { timeout: 60_000, interval: 100 },
    )
    // Once more, for their buffers.
    collectGarbage()
    return process.memoryUsage().arrayBuffers
  }
  try {
    let before = 0
    for (let round = 0; round < joins / roomsAtOnce; round++) {
      await Promise.all(stays.map((_, room) => comeAndGo(room)))
      if (round === 1) before = await buffersOnceCollected()
    }
    expect((await buffersOnceCollected()) - before).toBeLessThan(mostBytes)
  } finally {
    await Promise.all(stays.map((mesh) => mesh.leave()))
    await server.close()
  }
})
