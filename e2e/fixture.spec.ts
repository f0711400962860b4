import { expect, type Peer, test } from 'ringmesh/playwright'
import { serveOnLoopback } from './support/loopback-server.js'

/** How `peer` sees another one now. */
const stateOf = (peer: Peer, id: string): Promise<string | undefined> =>
  peer.evaluate((mesh, wanted) => mesh.members().find((member) => member.id === wanted)?.state, id)

test('a hidden tab is parked and leaves the ring, and takes its place again when it is shown', async ({
  cluster,
}) => {
  const [first, second] = await cluster.tabs(2)
  await second.hide()
  await expect.poll(() => stateOf(first, second.id), { timeout: 45_000 }).toBe('parked')
  await expect.poll(() => first.evaluate((mesh) => mesh.ring.nodes().length)).toBe(1)
  await second.show()
  await expect.poll(() => stateOf(first, second.id)).toBe('alive')
  await cluster.settled()
})

test('the trace tells what the test did and what each peer saw of it', async ({ cluster }) => {
  const edge = await cluster.edge()
  const tab = await cluster.tab()
  await cluster.settled()
  await tab.page.evaluate(() => console.warn('the page warns'))
  await cluster.signal.stop()
  await cluster.signal.start()
  await cluster.tab()
  await edge.crash()
  await cluster.settled()
  // Peers tell the trace beside what they answer: a line may come after the answer that shows it true.
  const told = (line: RegExp, since = ''): Promise<void> =>
    expect.poll(() => cluster.trace.slice(cluster.trace.indexOf(since))).toMatch(line)
  await told(/signal {2}started {2}ws:/)
  await told(new RegExp(`${tab.id} {2}joined {2}members: 2`))
  await told(new RegExp(`${edge.id} {2}up {2}${tab.id} alive`))
  await told(new RegExp(`${tab.id} {2}warning {2}the page warns`))
  const stopped = 'signal  is stopped'
  expect(cluster.trace).toContain(stopped)
  await told(new RegExp(`${edge.id} {2}is crashed[^]*${tab.id} {2}down {2}${edge.id} dead`), stopped)
  await told(new RegExp(`${tab.id} {2}ring {2}[0-9a-f]+, moved \\d`), stopped)
})

test('evaluate gives values and rejects with what was thrown, in tabs and at edge workers', async ({
  cluster,
}) => {
  const peers: Peer[] = [await cluster.edge(), await cluster.tab()]
  for (const peer of peers) {
    expect(await peer.evaluate((mesh, n) => [mesh.id, n * 2] as const, 21)).toEqual([peer.id, 42])
    await expect(
      peer.evaluate(() => {
        throw new TypeError('of the test')
      }),
    ).rejects.toThrow('of the test')
  }
})

/** Tabs open a page that has nothing in it; the address with `gone` is not there. */
const blank = test.extend<{ path: string }>({
  path: ['', { option: true }],
  ringmesh: async ({ path }, use) => {
    const server = await serveOnLoopback(({ url }, response) => {
      response.writeHead(url?.startsWith('/gone') ? 404 : 200, { 'content-type': 'text/html' }).end('nothing')
    })
    await use({ url: `${server.url}${path}` })
    await server.stop()
  },
})

blank.describe('a page that is not there', () => {
  blank.use({ path: 'gone' })
  blank('is named, with what the server said', async ({ cluster }) => {
    await expect(cluster.tab()).rejects.toThrow(/the page at http:.*\/gone.* was answered with status 404/)
  })
})

blank('a page that tells nothing of a mesh is named when the time is over', async ({ cluster, context }) => {
  // Ends the look for a mesh as the end of the test's own time does.
  context.setDefaultTimeout(500)
  context.setDefaultNavigationTimeout(60_000)
  await expect(cluster.tab()).rejects.toThrow(
    /the page at http:.* has put neither its mesh at window\.mesh nor/,
  )
})
