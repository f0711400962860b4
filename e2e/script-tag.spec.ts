import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import type { Page } from '@playwright/test'
import { expect, test } from './support/demo.js'
import { measured } from './support/measured.js'

/** What the script tag may weigh, compressed. What is aimed at is printed beside it. In bytes. */
const budget = 111_000
const aim = 60_000

/** By how much a row of the table may be off before it counts as untrue: a tenth, or half a kilobyte. */
const tolerance = { share: 0.1, bytes: 500 }

const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
const inKilobytes = (bytes: number): string => (bytes / 1_000).toFixed(1)

test('the script tag keeps to its budget', () => {
  const testInfo = test.info()
  const bytes = gzipSync(read('dist/ringmesh.global.js'), { level: 9 }).length
  measured(
    testInfo,
    'script tag, gzip',
    `${inKilobytes(bytes)} kB of ${inKilobytes(budget)}, aim ${inKilobytes(aim)}`,
  )
  expect(bytes).toBeLessThanOrEqual(budget)
})

test('the table of what each part of the script tag weighs is true', () => {
  const parts: { part: string; bytes: number }[] = JSON.parse(read('dist/ringmesh.global.weights.json'))
  const rows = new Map(
    [...read('src/embed/README.md').matchAll(/^\| `([^`]+)` \| ([\d.]+) \|/gm)].map(([, part, kilobytes]) => [
      part,
      Number(kilobytes) * 1_000,
    ]),
  )
  const untrue = parts.filter(({ part, bytes }) => {
    const told = rows.get(part) ?? 0
    rows.delete(part)
    return Math.abs(told - bytes) > Math.max(tolerance.bytes, bytes * tolerance.share)
  })
  const table = parts.map(({ part, bytes }) => `| \`${part}\` | ${inKilobytes(bytes)} |`).join('\n')
  expect([...untrue, ...rows.keys()], `src/embed/README.md should say:\n${table}`).toEqual([])
})

test('a blank page with the script tag joins the room of the demo', async ({ demo }) => {
  const tab = await demo.tab()
  const plain = await demo.plain()
  await expect(plain.locator('#state')).toContainText('3 peers')
  await expect(tab.locator('[data-testid=peers] tr[data-state=alive]')).toHaveCount(3)
})

test('pages with the script tag are linked directly, and messages go both ways', async ({ demo }) => {
  const pages = [await demo.plain(), await demo.plain()]
  for (const page of pages) {
    const links = (): Promise<unknown> => page.evaluate('mesh.members().map(({ link }) => link).sort()')
    await expect.poll(links).toEqual(['direct', 'direct', 'self'])
    // The demo's own peers talk in the room as well.
    await page.evaluate(
      "void (window.heard = new Promise((resolve) => mesh.on('message', (told) => told === 'hello' && resolve(told))))",
    )
  }
  for (const page of pages) await page.evaluate("mesh.broadcast('hello')")
  for (const page of pages) expect(await page.evaluate('heard')).toBe('hello')
})

test('bad options are refused with an error that names the option and the value', async ({ demo }) => {
  const page: Page = await demo.plain()
  const attempt = (options: unknown): Promise<string> =>
    page.evaluate((given) => {
      const { ringmesh } = window as unknown as { ringmesh: { join(options: unknown): Promise<unknown> } }
      return ringmesh.join(given).then(
        () => 'joined',
        (error: Error) => `${error.name}: ${error.message}`,
      )
    }, options)
  const signal = `${demo.url.replace('http', 'ws')}signal`
  expect(await attempt({ signal, room: '' })).toBe('InvalidOption: join.room: must not be empty, but got ""')
  expect(await attempt({ signal, room: 'r', colour: 'red' })).toContain('join.colour: is not an option here')
  expect(await attempt({ signal: 'nowhere', room: 'r' })).toContain('join.signal: must be')
  expect(await attempt({ signal, room: 'r', weight: -1 })).toContain(
    'join.weight: must be from 0 to 1000, but got -1',
  )
  expect(await attempt({ signal: `${demo.url}sample.txt`, room: 'r' })).toContain('SignalUnreachable')
})

test('what peerjs() needs is loaded when a page joins with it, and not before', async ({ demo, context }) => {
  const page = await context.newPage()
  const asked: string[] = []
  await page.route('**/ringmesh.peerjs.js', (route) => {
    asked.push(route.request().url())
    return route.continue()
  })
  await page.route('**/plain.html', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<script src="ringmesh.global.js"></script>' }),
  )
  await page.goto(`${demo.url}plain.html`)
  const attempt = (options: object): Promise<string> =>
    page.evaluate((given) => {
      const { ringmesh } = window as unknown as {
        ringmesh: {
          RingmeshError: new () => Error
          peerjs(options: object): object
          join(options: object): Promise<unknown>
        }
      }
      try {
        return ringmesh.join({ signal: ringmesh.peerjs(given), room: 'r' }).then(
          () => 'joined',
          (error: Error) => `${error instanceof ringmesh.RingmeshError} ${error.name}: ${error.message}`,
        )
      } catch (error) {
        return Promise.resolve(`thrown ${error}`)
      }
    }, options)
  // Options are checked at once, in the page's own turn.
  expect(await attempt({ port: -1 })).toBe('thrown InvalidOption: peerjs.port: must be a port, but got -1')
  expect(asked).toEqual([])
  // The demo has no PeerServer: that is what the loaded code finds out, with the errors of the page.
  const { hostname: host, port } = new URL(demo.url)
  expect(await attempt({ host, port: Number(port), path: 'no-peer-server' })).toContain(
    'true SignalUnreachable: no PeerServer at',
  )
  expect(asked).toEqual([`${demo.url}ringmesh.peerjs.js`])
})

test('a page that cannot load what peerjs() needs speaks to the PeerServer without it', async ({
  demo,
  context,
}) => {
  const page = await context.newPage()
  await page.route('**/ringmesh.peerjs.js', (route) => route.abort())
  await page.goto(`${demo.url}embed.html`)
  const { hostname: host, port } = new URL(demo.url)
  const refusal = await page.evaluate(
    (address) => {
      const { ringmesh } = window as unknown as {
        ringmesh: { peerjs(options: object): object; join(options: object): Promise<unknown> }
      }
      return ringmesh.join({ signal: ringmesh.peerjs(address), room: 'r' }).catch(String)
    },
    { host, port: Number(port), path: 'no-peer-server' },
  )
  // The demo has no PeerServer: that is what it finds out, within bounds and by a typed error.
  expect(refusal).toContain('SignalUnreachable: no PeerServer at')
})
