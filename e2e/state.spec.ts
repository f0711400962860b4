import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { BrowserContext } from '@playwright/test'
import { type Cluster, expect, type Peer, test } from 'ringmesh/playwright'
import { countFrom, measured } from './support/measured.js'

/** Keys that are put; the 20,000 by `RINGMESH_KEYS`. */
const keys = countFrom('RINGMESH_KEYS', 2_000)
/** Milliseconds between two crashes: long enough for what the first took to be copied again (the issue asks for ten seconds). */
const crashPause = 10_000
/** Puts that each peer has under way at once. */
const atOnce = 16

/** Puts `key-<from>` to `key-<to>` from a peer; gives those that were acknowledged. */
function putAll(peer: Peer, from: number, to: number): Promise<string[]> {
  return peer.evaluate(
    async (mesh, { from, to, atOnce }) => {
      const store = mesh.store('kept', { replicas: 3, writes: 2 })
      const acknowledged: string[] = []
      let next = from
      const put = async (): Promise<void> => {
        while (next < to) {
          const index = next++
          const key = `key-${index}`
          await store.put(key, { index, text: 'x'.repeat(100) }).then(() => acknowledged.push(key))
        }
      }
      await Promise.all(Array.from({ length: atOnce }, put))
      return acknowledged
    },
    { from, to, atOnce },
  )
}

/** The acknowledged keys that a peer does not read back with their value. */
function notRead(peer: Peer, acknowledged: readonly string[]): Promise<string[]> {
  return peer.evaluate(
    async (mesh, { acknowledged, atOnce }) => {
      const store = mesh.store<{ index: number }>('kept', { replicas: 3, writes: 2 })
      const missing: string[] = []
      let next = 0
      const read = async (): Promise<void> => {
        for (let key = acknowledged[next++]; key !== undefined; key = acknowledged[next++]) {
          if ((await store.get(key))?.index !== Number(key.slice('key-'.length))) missing.push(key)
        }
      }
      await Promise.all(Array.from({ length: atOnce }, read))
      return missing
    },
    { acknowledged, atOnce },
  )
}

/** Resolves when the peers agree, and no key waits to be brought to another. */
async function atRest(cluster: Cluster): Promise<void> {
  await cluster.settled()
  await expect
    .poll(
      () =>
        Promise.all(
          cluster.peers.map((peer) =>
            peer.evaluate((mesh) => {
              const { waiting, unsaved, settled } = mesh.stats().state
              return { waiting, unsaved, settled }
            }),
          ),
        ),
      { timeout: 60_000, intervals: [100] },
    )
    .toEqual(cluster.peers.map(() => ({ waiting: 0, unsaved: 0, settled: true })))
}

/** Has the browser forget all that its pages have stored, as another person's browser would have nothing. */
async function forgetStorage(context: BrowserContext, url: string): Promise<void> {
  const page = await context.newPage()
  const devtools = await context.newCDPSession(page)
  const { origin } = new URL(url)
  await devtools.send('Storage.clearDataForOrigin', { origin, storageTypes: 'indexeddb,local_storage' })
  await page.close()
}

/** Resolves when a peer sees nobody but itself. */
async function alone(peer: Peer): Promise<void> {
  await expect.poll(() => peer.evaluate((mesh) => mesh.members().length), { timeout: 60_000 }).toBe(1)
}

test(`${keys} keys over five tabs and an edge: two tabs crash, one is reloaded, all are closed, and every key is read`, async ({
  cluster,
  context,
}, testInfo) => {
  test.setTimeout(150_000 + keys * 20)
  const edge = await cluster.edge()
  const [first, second, third, fourth, fifth] = await cluster.tabs(5)
  const putting = Date.now()
  const share = Math.ceil(keys / 4)
  const acknowledged = (
    await Promise.all(
      [first, second, fourth, fifth].map((tab, index) =>
        putAll(tab, index * share, Math.min(keys, (index + 1) * share)),
      ),
    )
  ).flat()
  expect(acknowledged).toHaveLength(keys)
  const perSecond = Math.round((keys / (Date.now() - putting)) * 1000)
  measured(testInfo, `puts of 100 bytes from four tabs, ${atOnce} in flight each`, `${perSecond} a second`)

  await fourth.crash()
  const crashed = Date.now()
  await atRest(cluster)
  measured(testInfo, 'one of six crashed', `all copies made again after ${Date.now() - crashed} ms`)
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, crashed + crashPause - Date.now())))
  await fifth.crash()
  expect(await notRead(first, acknowledged)).toEqual([])
  await atRest(cluster)
  for (const peer of [second, third, edge]) expect(await notRead(peer, acknowledged)).toEqual([])

  // What the tab held is in its browser's storage: only what it lacks has to be sent to it. That is
  // something, as the page has a new id, and with it other keys.
  await third.reload()
  await atRest(cluster)
  const adopted = await third.evaluate((mesh) => mesh.stats().state)
  expect(adopted.received).toBeLessThan(adopted.keys / 2)
  expect(await notRead(third, acknowledged)).toEqual([])
  measured(
    testInfo,
    'a reloaded tab',
    `holds ${adopted.keys} keys of ${adopted.bytes} bytes, and was sent ${adopted.bytesReceived} bytes`,
  )

  const url = first.page.url()
  for (const tab of [first, second, third]) await tab.page.close()
  await alone(edge)
  await forgetStorage(context, url)
  const next = await cluster.tab()
  await cluster.settled()
  expect(await notRead(next, acknowledged)).toEqual([])
})

test('what was put durably survives a SIGKILL of the edge worker when no tab is left', async ({
  cluster,
  context,
}, testInfo) => {
  const data = mkdtempSync(join(tmpdir(), 'ringmesh-edge-'))
  try {
    const edge = await cluster.edge({ data })
    const [first, second] = await cluster.tabs(2)
    const count = 100
    await first.evaluate(async (mesh, count) => {
      const store = mesh.store('kept', { replicas: 3, writes: 2 })
      await Promise.all(
        Array.from({ length: count }, (_, index) => store.put(`key-${index}`, { index }, { durable: true })),
      )
    }, count)
    // At once, with nothing more said to anybody.
    await edge.crash()
    const url = first.page.url()
    for (const tab of [first, second]) await tab.page.close()
    await forgetStorage(context, url)

    const start = Date.now()
    const again = await cluster.edge({ data })
    const next = await cluster.tab()
    await cluster.settled()
    const wanted = Array.from({ length: count }, (_, index) => `key-${index}`)
    expect(await notRead(next, wanted)).toEqual([])
    expect(await notRead(again, wanted)).toEqual([])
    measured(
      testInfo,
      `${count} durable keys after SIGKILL`,
      `read by a new tab after ${Date.now() - start} ms`,
    )
  } finally {
    rmSync(data, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
})
