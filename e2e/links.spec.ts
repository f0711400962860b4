import type { BrowserContext } from '@playwright/test'
import { expect, type Tab, test } from 'ringmesh/playwright'
import type { Chaos } from '../src/index.js'
import { seededRandom } from '../src/runtime/index.js'
import { countFrom, measured } from './support/measured.js'

/** Messages that each of two tabs sends to the other; 50,000 make the 10^5. */
const messages = countFrom('RINGMESH_MESSAGES', 5_000)
/** Chance's seed, printed with the outcome. */
const seed = countFrom('RINGMESH_SEED', 1 + Math.floor(Math.random() * 1e9))
/** Faults that strike at least, however quick the messages are. */
const leastFaults = 12

/** What the pages of this file have beside their mesh. */
interface LinksPage {
  chaos: Chaos
  /** Every connection that the page made. */
  connections: RTCPeerConnection[]
  /** How WebRTC fails here now. */
  webRtc: 'works' | 'throws' | 'finds no way'
  got: number[]
  sent: number
}

/** Keeps hold of each connection of a page, and lets it fail on demand; runs before the page's own scripts. */
function overseeWebRtc(): void {
  const page = globalThis as unknown as LinksPage
  page.connections = []
  page.webRtc = (localStorage.getItem('webRtc') as LinksPage['webRtc'] | null) ?? 'works'
  globalThis.RTCPeerConnection = new Proxy(RTCPeerConnection, {
    construct(target, [configuration]) {
      if (page.webRtc === 'throws') throw new DOMException('WebRTC is forbidden here', 'NotAllowedError')
      // No relay server is configured, so that leaves no candidate at all.
      const connection = new target(
        page.webRtc === 'works' ? configuration : { ...configuration, iceTransportPolicy: 'relay' },
      )
      page.connections.push(connection)
      return connection
    },
  })
}

async function oversee(context: BrowserContext): Promise<void> {
  await context.addInitScript(overseeWebRtc)
}

/** Has a tab keep the numbers that it is sent. */
function keepNumbers(tab: Tab): Promise<void> {
  return tab.evaluate((mesh) => {
    const page = globalThis as unknown as LinksPage
    page.got = []
    page.sent = 0
    mesh.on('message', (message) => page.got.push((message as { n: number }).n))
  })
}

/** Sends the next `count` numbers; some ride with enough to be cut into parts. */
function sendNumbers(from: Tab, to: Tab, count: number, pause: number): Promise<void> {
  return from.evaluate(
    async (mesh, { to, count, pause }) => {
      const page = globalThis as unknown as LinksPage
      const end = page.sent + count
      while (page.sent < end) {
        const n = page.sent++
        await mesh.send(to, { n, rest: new Uint8Array(n % 500 === 0 ? 300_000 : n % 64) })
        if (n % 50 === 0) await new Promise((resolve) => setTimeout(resolve, pause))
      }
    },
    { to: to.id, count, pause },
  )
}

/** Resolves when a tab has got all numbers below `count`; each once, in order, and nothing else. */
async function gotAll(tab: Tab, count: number): Promise<void> {
  await expect
    .poll(() => tab.evaluate(() => (globalThis as unknown as LinksPage).got.length), { timeout: 60_000 })
    .toBeGreaterThanOrEqual(count)
  const firstWrong = await tab.evaluate(() => {
    const { got } = globalThis as unknown as LinksPage
    return { at: got.findIndex((n, index) => n !== index), length: got.length }
  })
  expect(firstWrong).toEqual({ at: -1, length: count })
}

/** What carries the messages from one tab to another now. */
function linkOf(from: Tab, to: Tab): Promise<string | undefined> {
  return from.evaluate((mesh, id) => mesh.members().find((member) => member.id === id)?.link, to.id)
}

test('numbered messages arrive exactly once and in order while links are cut, healed and closed underfoot', async ({
  cluster,
  context,
}, testInfo) => {
  test.setTimeout(60_000 + messages * 20)
  console.log(`  seed ${seed}`)
  await oversee(context)
  const [first, second] = await cluster.tabs(2)
  for (const tab of [first, second]) await keepNumbers(tab)
  await expect.poll(() => linkOf(first, second)).toBe('direct')
  const random = seededRandom(seed)
  const faults = { cut: 0, closed: 0 }
  const pause = (most: number) => new Promise((resolve) => setTimeout(resolve, random() * most))
  let isSent = false

  const sending = Promise.all([
    sendNumbers(first, second, messages, 40),
    sendNumbers(second, first, messages, 40),
  ]).finally(() => {
    isSent = true
  })
  const start = Date.now()
  while (!isSent || faults.cut + faults.closed < leastFaults) {
    const [one, other] = random() < 0.5 ? [first, second] : [second, first]
    if (random() < 0.5) {
      faults.cut++
      await one.cut([other.id])
      // Shorter than it takes to bury a peer: then the session would rightly end.
      await pause(900)
      await one.cut([])
    } else {
      faults.closed++
      await one.page.evaluate(() => {
        for (const connection of (globalThis as unknown as LinksPage).connections) connection.close()
      })
    }
    await pause(700)
  }
  await sending
  await gotAll(first, messages)
  await gotAll(second, messages)
  const took = Date.now() - start

  const links = await Promise.all([first, second].map((tab) => tab.evaluate((mesh) => mesh.stats().links)))
  const sum = (name: 'resends' | 'replacements') =>
    links.reduce(
      (total, { peers }) => total + Object.values(peers).reduce((all, one) => all + one[name], 0),
      0,
    )
  expect(sum('replacements')).toBeGreaterThan(0)
  expect(sum('resends')).toBeGreaterThan(0)
  measured(
    testInfo,
    `2 × ${messages} numbered messages`,
    `${faults.cut} cuts, ${faults.closed} connections closed, ${sum('replacements')} links replaced, ` +
      `${sum('resends')} parts sent again, all once and in order after ${took} ms`,
  )
})

for (const fault of ['throws', 'finds no way'] as const) {
  test(`where WebRTC ${fault}, a tab works by relay, and turns direct when it works again`, async ({
    cluster,
    context,
  }, testInfo) => {
    await oversee(context)
    const first = await cluster.tab()
    await first.page.evaluate((how) => localStorage.setItem('webRtc', how), fault)
    const blocked = await cluster.tab()
    await cluster.settled()
    for (const tab of [first, blocked]) await keepNumbers(tab)
    await Promise.all([sendNumbers(first, blocked, 500, 0), sendNumbers(blocked, first, 500, 0)])
    await gotAll(first, 500)
    await gotAll(blocked, 500)
    expect(await linkOf(first, blocked)).toBe('relay')
    expect(await linkOf(blocked, first)).toBe('relay')

    // Numbers are on their way all the time that the link changes.
    let isDirect = false
    let sent = 500
    const unblocked = Date.now()
    await blocked.page.evaluate(() => {
      ;(globalThis as unknown as LinksPage).webRtc = 'works'
    })
    const sending = (async () => {
      while (!isDirect) {
        await Promise.all([sendNumbers(first, blocked, 100, 10), sendNumbers(blocked, first, 100, 10)])
        sent += 100
      }
    })()
    await expect
      .poll(async () => [await linkOf(first, blocked), await linkOf(blocked, first)], { timeout: 60_000 })
      .toEqual(['direct', 'direct'])
    const took = Date.now() - unblocked
    isDirect = true
    await sending
    await gotAll(first, sent)
    await gotAll(blocked, sent)
    measured(testInfo, `WebRTC ${fault}, works again to direct`, `${took} ms, ${sent} messages each way`)
  })
}
