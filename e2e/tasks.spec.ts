import { expect, test } from 'ringmesh/playwright'

const tasks = 5_000

/** The lease of 15 s, one run, and the second in which leases are looked at; doubled runs for a busy machine. */
const longestWait = 15_000 + 1_000 + 40

test('5,000 tasks over four tabs and an edge come right while a renderer crashes and a tab freezes', async ({
  cluster,
}, testInfo) => {
  test.setTimeout(180_000)
  const edge = await cluster.edge()
  const tabs = await cluster.tabs(4)
  const [first, , crashing, freezing] = tabs
  const peers = [...tabs, edge]
  for (const peer of peers) {
    await peer.evaluate((mesh) => {
      mesh.tasks.define('work', async (n: number) => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        return n * n
      })
    })
  }
  await expect.poll(() => first.evaluate((mesh) => mesh.tasks.shares('work').size)).toBe(peers.length)
  const start = Date.now()
  const running = first.evaluate(async (mesh, count) => {
    let wrong = 0
    let slowest = 0
    const one = async (n: number): Promise<void> => {
      const begun = performance.now()
      if ((await mesh.tasks.run('work', n)) !== n * n) wrong++
      slowest = Math.max(slowest, performance.now() - begun)
    }
    // Forty at a time: what waits, waits for a worker that has it, and not in a long queue.
    const lanes = Array.from({ length: 40 }, async (_, lane) => {
      for (let n = lane; n < count; n += 40) await one(n)
    })
    await Promise.all(lanes)
    return { wrong, slowest, stats: mesh.tasks.stats() }
  }, tasks)
  await expect
    .poll(() => first.evaluate((mesh) => mesh.tasks.stats().done), { timeout: 60_000 })
    .toBeGreaterThan(1_000)
  await crashing.crash()
  await expect
    .poll(() => first.evaluate((mesh) => mesh.tasks.stats().done), { timeout: 60_000 })
    .toBeGreaterThan(2_000)
  const thawed = freezing.freeze(20_000)
  const { wrong, slowest, stats } = await running
  await thawed
  testInfo.annotations.push({
    type: '5,000 tasks of 20 ms',
    description: `${Date.now() - start} ms, the slowest ${Math.round(slowest)} ms, ${stats.lost} taken back`,
  })
  expect(wrong).toBe(0)
  expect(stats).toMatchObject({ submitted: tasks, done: tasks, failed: 0, queued: 0, placed: 0 })
  expect(slowest).toBeLessThan(longestWait)
})

test('what a tab enqueued that closes at once is there for the next', async ({ cluster }) => {
  const edge = await cluster.edge()
  const [first, second] = await cluster.tabs(2)
  for (const peer of [second, edge]) {
    await peer.evaluate((mesh) => {
      mesh.tasks.define('square', async (n: number) => {
        await new Promise((resolve) => setTimeout(resolve, 50))
        return n * n
      })
    })
  }
  const ids = await first.evaluate((mesh) =>
    Promise.all(Array.from({ length: 20 }, (_, n) => mesh.tasks.enqueue('square', n))),
  )
  await first.crash()
  const next = await cluster.tab()
  const values = await next.evaluate(
    (mesh, wanted) => Promise.all(wanted.map((id) => mesh.tasks.result<number>(id))),
    ids,
  )
  expect(values).toEqual(Array.from({ length: 20 }, (_, n) => n * n))
})
