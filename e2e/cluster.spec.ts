import { expect, test } from 'ringmesh/playwright'

const keys = 200

test('one of five peers crashes: the others agree without it, and every key that was put is read', async ({
  cluster,
}, testInfo) => {
  const edge = await cluster.edge()
  const [first, second, third, fourth] = await cluster.tabs(4)
  await second.evaluate(async (mesh, count) => {
    const store = mesh.store('kept', { replicas: 3, writes: 2 })
    await Promise.all(Array.from({ length: count }, (_, index) => store.put(`key-${index}`, { index })))
  }, keys)

  const start = Date.now()
  await fourth.crash()
  await cluster.settled()
  testInfo.annotations.push({ type: 'equal views after a crash', description: `${Date.now() - start} ms` })

  for (const peer of [first, second, third, edge]) {
    const values = await peer.evaluate(async (mesh, count) => {
      const store = mesh.store<{ index: number }>('kept', { replicas: 3, writes: 2 })
      return Promise.all(
        Array.from({ length: count }, async (_, index) => (await store.get(`key-${index}`))?.index),
      )
    }, keys)
    expect(values).toEqual(Array.from({ length: keys }, (_, index) => index))
  }
})

test('tasks go round all peers, and those of a crashed tab are done by others', async ({ cluster }) => {
  const [first, second, third] = await cluster.tabs(3)
  for (const tab of [first, second, third]) {
    await tab.evaluate((mesh) => {
      mesh.tasks.define('slow', async (n: number) => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        return { n, by: mesh.id }
      })
    })
  }
  // Everybody knows of everybody's definition before the count begins.
  await expect
    .poll(() => first.evaluate((mesh) => mesh.tasks.shares('slow').size), { message: 'three offers' })
    .toBe(3)
  const done = first.evaluate(async (mesh) => {
    const results: { n: number; by: string }[] = []
    Object.assign(globalThis, { results })
    const inputs = Array.from({ length: 300 }, (_, n) => n)
    for await (const { value } of mesh.tasks.map<{ n: number; by: string }>('slow', inputs, {
      ordered: true,
    })) {
      results.push(value)
    }
    return results
  })
  // What was assigned is not done yet: a tab that crashes right then has given nothing.
  await expect
    .poll(
      () =>
        first.evaluate((_mesh, id) => {
          const { results = [] } = globalThis as unknown as { results?: { by: string }[] }
          return results.some(({ by }) => by === id)
        }, third.id),
      { intervals: [20] },
    )
    .toBe(true)
  await third.crash()
  const results = await done
  expect(results.map(({ n }) => n)).toEqual(Array.from({ length: 300 }, (_, n) => n))
  expect(new Set(results.map(({ by }) => by))).toEqual(new Set([first.id, second.id, third.id]))
})

test('a mesh goes on without its signalling server, and finds it again', async ({ cluster }) => {
  const [first, second] = await cluster.tabs(2)
  // Either end changes from the relay to the direct link at a moment of its own.
  for (const tab of [first, second])
    await expect
      .poll(() =>
        tab.evaluate((mesh) =>
          mesh
            .members()
            .map(({ link }) => link)
            .sort(),
        ),
      )
      .toEqual(['direct', 'self'])
  await cluster.signal.stop()
  await first.evaluate((mesh) => mesh.store('s').put('k', 1))
  expect(await second.evaluate((mesh) => mesh.store('s').get('k', { fresh: true }))).toBe(1)
  await cluster.signal.start()
  await cluster.tab()
  await cluster.settled()
})

test('a partition parts the cluster, each side goes on, and they are one again when it heals', async ({
  cluster,
}) => {
  const edge = await cluster.edge()
  const [first, second] = await cluster.tabs(2)
  await cluster.partition([first, second], [edge])
  await expect.poll(() => edge.evaluate((mesh) => mesh.members().length), { timeout: 40_000 }).toBe(1)
  await first.evaluate((mesh) => mesh.store('s').put('left', 1))
  await cluster.heal()
  await cluster.settled()
  await expect.poll(() => edge.evaluate((mesh) => mesh.store('s').get('left', { fresh: true }))).toBe(1)
})

test('a tab that is frozen for three seconds is not buried', async ({ cluster }) => {
  const [first, second] = await cluster.tabs(2)
  await first.evaluate((mesh) => {
    const downs: string[] = []
    mesh.on('down', ({ id }) => downs.push(id))
    Object.assign(window, { downs })
  })
  await second.freeze(3000)
  await cluster.settled()
  expect(await first.evaluate(() => (window as unknown as { downs: string[] }).downs)).toEqual([])
})
