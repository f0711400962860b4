import type { Page } from '@playwright/test'
import { expect, test } from './support/demo.js'
import { measured } from './support/measured.js'

const peers = 16
const tasksPerSecond = 200
/** Milliseconds that the picture is watched. */
const watched = 4_000
/** Milliseconds of the main thread that a frame may take: a third of what 60 frames a second leave. */
const mostPerFrame = 5

/** Gives the inspector a mesh that is busy, made of plain objects: what it costs is the picture alone. */
async function showBusyMesh(page: Page): Promise<void> {
  await page.evaluate(
    ({ peers, tasksPerSecond }) => {
      const ids = Array.from(
        { length: peers },
        (_, index) => `${String.fromCharCode(97 + index)}peer${index}`,
      )
      const start = performance.now()
      const shares = (): Map<string, { assigned: number; placed: number }> => {
        const given = Math.floor(((performance.now() - start) / 1000) * tasksPerSecond)
        return new Map(
          ids.map((id, index) => [id, { assigned: Math.floor((given + index) / ids.length), placed: 0 }]),
        )
      }
      const trees = ids.map((peer) => ({
        peer,
        trees: [
          {
            id: 'root',
            label: 'Supervisor',
            kind: 'supervisor',
            state: 'running',
            restarts: 0,
            children: [],
          },
        ],
      }))
      const mesh = {
        id: ids[0],
        view: 'a view',
        members: () =>
          ids.map((id, index) => ({
            id,
            kind: index % 4 === 3 ? 'edge' : 'tab',
            state: 'alive',
            weight: 1,
            link: index === 0 ? 'self' : 'direct',
            rtt: 5,
          })),
        ring: {
          nodes: () => ids.map((id) => ({ id, weight: 1 })),
          share: () => 1 / ids.length,
          ownerOf: (partition: number) => ids[(partition * 7) % ids.length],
        },
        on: () => () => {},
        tasks: { names: () => ['work'], shares },
        tree: async () => trees,
        stats: () => ({ links: { peers: {} } }),
      }
      const inspector = Object.assign(document.createElement('ringmesh-inspector'), { mesh })
      document.body.replaceChildren(inspector)
    },
    { peers, tasksPerSecond },
  )
}

test(`the picture of ${peers} peers and ${tasksPerSecond} tasks a second leaves the main thread free`, async ({
  demo,
  context,
}, testInfo) => {
  const page = await context.newPage()
  await page.route('**/plain.html', (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: '<script src="ringmesh.global.js"></script><body></body>',
    }),
  )
  await page.goto(`${demo.url}plain.html`)
  await showBusyMesh(page)
  await expect(page.locator('ringmesh-inspector tbody tr')).toHaveCount(peers)
  const devtools = await context.newCDPSession(page)
  // Time of the thread itself: what other processes of a busy machine take is not the picture's.
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' })
  const taken = async (): Promise<number> => {
    const { metrics } = await devtools.send('Performance.getMetrics')
    return 1_000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN)
  }
  const before = await taken()
  const frames = await page.evaluate(
    (time) =>
      new Promise<number>((resolve) => {
        const start = performance.now()
        let count = 0
        const next = (now: number): void => {
          count++
          if (now - start < time) requestAnimationFrame(next)
          else resolve(count)
        }
        requestAnimationFrame(next)
      }),
    watched,
  )
  const perFrame = ((await taken()) - before) / frames
  measured(testInfo, 'main thread', `${perFrame.toFixed(2)} ms a frame, ${frames} frames`)
  expect(frames).toBeGreaterThan(20)
  expect(perFrame).toBeGreaterThan(0)
  expect(perFrame).toBeLessThan(mostPerFrame)
})
