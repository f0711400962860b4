import { expect, type Peer, test } from 'ringmesh/playwright'
import type { Mesh } from '../src/index.js'
import { BareBrowser } from './support/bare-browser.js'
import { countFrom, measured, spread } from './support/measured.js'

/** Crashes to take the median of; ten and more by `RINGMESH_CRASHES`. */
const crashes = countFrom('RINGMESH_CRASHES', 3)
/** Milliseconds for which a tab is frozen, as in the issue. */
const frozenFor = 20_000
/** Milliseconds for which a tab is hidden; two minutes by `RINGMESH_HIDDEN=120000`. */
const hiddenFor = countFrom('RINGMESH_HIDDEN', 6_000)

/** What a page notes of its mesh, in milliseconds of the machine's one clock. */
interface Notes {
  /** When its ring was replaced, and by which. */
  rings: { at: number; view: string }[]
  /** Whom it saw go. */
  downs: string[]
  /** The longest time for which none of its timers ran. */
  longestSleep: number
  /** When it last went on after one of more than a second. */
  wokeAt: number
}

/** Has a page write down what happens; runs in the page. */
function noteDown(mesh: Mesh): void {
  const notes: Notes = { rings: [], downs: [], longestSleep: 0, wokeAt: 0 }
  mesh.on('ring', ({ view }) => notes.rings.push({ at: Date.now(), view }))
  mesh.on('down', ({ id }) => notes.downs.push(id))
  let last = Date.now()
  setInterval(() => {
    const sleep = Date.now() - last
    notes.longestSleep = Math.max(notes.longestSleep, sleep)
    if (sleep > 1000) notes.wokeAt = Date.now()
    last = Date.now()
  }, 100)
  Object.assign(globalThis, { notes })
}

function takeNotes(peer: Peer): Promise<void> {
  return peer.evaluate(noteDown)
}

function notesOf(peer: Peer): Promise<Notes> {
  return peer.evaluate(() => (globalThis as unknown as { notes: Notes }).notes)
}

/** When the last of the peers had the ring that all of them have now. */
async function agreedAt(peers: readonly Peer[]): Promise<number> {
  const notes = await Promise.all(peers.map(notesOf))
  return Math.max(...notes.map(({ rings }) => rings.at(-1)?.at ?? Number.POSITIVE_INFINITY))
}

/** Resolves when all of `others` see a peer in `state`; undefined: not at all. */
async function seen(
  id: string,
  state: 'alive' | 'parked' | undefined,
  others: readonly Peer[],
): Promise<void> {
  await expect
    .poll(() =>
      Promise.all(
        others.map((other) =>
          other.evaluate((mesh, peer) => mesh.members().find((member) => member.id === peer)?.state, id),
        ),
      ),
    )
    .toEqual(others.map(() => state))
}

test('of eight tabs one crashes: the seven others have equal views without it', async ({
  cluster,
}, testInfo) => {
  test.setTimeout(60_000 + crashes * 30_000)
  const times: number[] = []
  const crashed: string[] = []
  for (const tab of await cluster.tabs(8)) await takeNotes(tab)
  for (let crash = 0; crash < crashes; crash++) {
    const victim = cluster.peers[crash % cluster.peers.length]
    if (victim === undefined) throw new Error('nobody is left to crash')
    const start = Date.now()
    await victim.crash()
    crashed.push(victim.id)
    await cluster.settled()
    const others = cluster.peers
    expect(others).toHaveLength(7)
    times.push((await agreedAt(others)) - start)
    const next = await cluster.tab()
    await takeNotes(next)
    await cluster.settled()
  }
  // Nobody but those that crashed was ever taken for dead.
  for (const peer of cluster.peers) {
    for (const down of (await notesOf(peer)).downs) expect(crashed).toContain(down)
  }
  measured(testInfo, 'renderer crash to equal views on 7 peers', spread(times))
})

test('a tab that the browser freezes for 20 s, while another crashes, is never buried and agrees when it wakes', async ({
  cluster,
  launchOptions,
}, testInfo) => {
  const [victim, first, second] = await cluster.tabs(3)
  const browser = await BareBrowser.launch(launchOptions)
  try {
    const sleeper = await browser.open(victim.page.url())
    await expect.poll(() => sleeper.evaluate('"mesh" in globalThis')).toBe(true)
    const sleeperId = await sleeper.evaluate<string>('mesh.id')
    await sleeper.evaluate(`(${noteDown.toString()})(mesh)`)
    for (const tab of [first, second]) await takeNotes(tab)
    const views = async (): Promise<unknown[]> => [
      ...(await Promise.all([first, second].map((tab) => tab.evaluate((mesh) => mesh.view)))),
      await sleeper.evaluate('mesh.view'),
    ]
    const view = async () => new Set(await views()).size
    await expect.poll(view).toBe(1)

    // Only a hidden page is frozen: another comes to its front.
    await browser.open('about:blank')
    await expect.poll(() => sleeper.evaluate('document.visibilityState')).toBe('hidden')
    await seen(sleeperId, 'parked', [victim, first, second])
    await sleeper.setLifecycle('frozen')
    const slept = Date.now()
    await victim.crash()
    await seen(victim.id, undefined, [first, second])
    await new Promise((resolve) => setTimeout(resolve, slept + frozenFor - Date.now()))
    await seen(sleeperId, 'parked', [first, second])
    await sleeper.setLifecycle('active')
    const woke = Date.now()
    await expect.poll(view, { intervals: [20] }).toBe(1)
    const notes = await sleeper.evaluate<Notes>('notes')
    const took = (notes.rings.at(-1)?.at ?? Number.POSITIVE_INFINITY) - woke
    // The freeze is no pretence: none of its timers ran.
    await expect.poll(() => sleeper.evaluate('notes.longestSleep')).toBeGreaterThan(frozenFor / 2)
    await sleeper.show()
    await seen(sleeperId, 'alive', [first, second])
    await expect.poll(view).toBe(1)

    for (const tab of [first, second]) expect((await notesOf(tab)).downs).toEqual([victim.id])
    expect((await sleeper.evaluate<Notes>('notes')).downs).toEqual([victim.id])
    measured(testInfo, 'frozen 20 s, waking to equal views', `${took} ms`)
  } finally {
    await browser.close()
  }
})

test('a tab whose code stands still for 20 s is never buried, and agrees when it goes on', async ({
  cluster,
}, testInfo) => {
  const [sleeper, first, second] = await cluster.tabs(3)
  for (const tab of [sleeper, first, second]) await takeNotes(tab)
  await sleeper.freeze(frozenFor)
  await seen(sleeper.id, 'alive', [first, second])
  await cluster.settled()
  const { wokeAt, longestSleep } = await notesOf(sleeper)
  expect(longestSleep).toBeGreaterThan(frozenFor / 2)
  const took = (await agreedAt([sleeper, first, second])) - wokeAt
  for (const tab of [sleeper, first, second]) expect((await notesOf(tab)).downs).toEqual([])
  measured(testInfo, 'stopped for 20 s, going on to equal views', `${took} ms`)
})

test('a hidden tab is parked: it answers and leaves the ring, and is alive again when it is seen', async ({
  cluster,
}, testInfo) => {
  test.setTimeout(90_000 + hiddenFor)
  const [hidden, first, second] = await cluster.tabs(3)
  for (const tab of [hidden, first, second]) await takeNotes(tab)
  await hidden.hide()
  await seen(hidden.id, 'parked', [first, second])
  await cluster.settled()
  const owners = await first.evaluate((mesh) => mesh.ring.nodes().map(({ id }) => id))
  expect(owners.sort()).toEqual([first.id, second.id].sort())
  await new Promise((resolve) => setTimeout(resolve, hiddenFor))
  await seen(hidden.id, 'parked', [first, second])
  const shown = Date.now()
  await hidden.show()
  await seen(hidden.id, 'alive', [first, second])
  await cluster.settled()
  const took = (await agreedAt(cluster.peers)) - shown
  for (const tab of [hidden, first, second]) expect((await notesOf(tab)).downs).toEqual([])
  measured(testInfo, `hidden ${hiddenFor / 1000} s, shown to equal views`, `${took} ms`)
})
