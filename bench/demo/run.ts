/** Opens the demo as `npm start` serves it, among real peers, and measures its page beside an empty one. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import process from 'node:process'
import { type Browser, chromium, type Page } from 'playwright'
import { median } from '../median.js'
import { gather } from './crowd.js'
import { type FrameCost, watchFrames } from './frames.js'

export const peers = 16
export const tasksPerSecond = 200

/** Each figure is the median of this many, taken in turns so that all see the same machine. */
export const rounds = 3
/** Milliseconds that frames are watched in a round. */
const watched = 4_000
/** Times that each page is opened, each in a profile of its own with nothing cached. */
export const openings = 9

export interface Opened {
  /** Milliseconds since the navigation. */
  readonly painted: number
  readonly drawn: number
}

export interface DemoResults {
  readonly demo: readonly Opened[]
  readonly empty: readonly Opened[]
  readonly frames: {
    readonly empty: FrameCost
    readonly calm: FrameCost
    readonly busy: FrameCost
  }
  /** Tasks a second whose results came back right while frames were counted. */
  readonly done: number
}

/**
 * Measures.
 *
 * @param root - the project's folder
 * @param executablePath - of a Chromium; undefined for Playwright's own
 */
export async function measureDemo(
  root: string,
  executablePath: string | undefined,
  progress: (line: string) => void,
): Promise<DemoResults> {
  progress('npm start')
  const { server, url } = await start(root)
  const browser = await chromium.launch({
    ...(executablePath && { executablePath }),
    args: ['--no-sandbox', '--no-first-run', '--disable-background-networking'],
  })
  try {
    progress('opening the page')
    const demo: Opened[] = []
    const empty: Opened[] = []
    for (let opening = 0; opening < openings; opening++) {
      empty.push(await opened(browser, emptyPage))
      demo.push(await opened(browser, (page) => openDemo(page, url)))
    }
    return { demo, empty, ...(await measureFrames(browser, url, progress)) }
  } finally {
    await browser.close()
    server.kill('SIGTERM')
  }
}

/** Starts what `npm start` starts, on a free port; builds first where something changed. */
async function start(root: string): Promise<{ server: ChildProcess; url: string }> {
  const server = spawn(process.execPath, [join(root, '.ci/start.mjs'), '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await new Promise<string>((resolve, reject) => {
    let printed = ''
    server.stdout.on('data', (chunk) => {
      printed += String(chunk)
      const found = /http:\/\/\S+/.exec(printed)
      if (found) resolve(found[0])
    })
    server.once('exit', (code) => reject(new Error(`npm start ended with code ${code}`)))
  })
  return { server, url }
}

async function openDemo(page: Page, url: string): Promise<void> {
  await page.goto(url)
  await page.locator('#app[data-ready=true]').waitFor()
}

/** One word, so that there is something to paint. */
async function emptyPage(page: Page): Promise<void> {
  await page.goto('data:text/html,<!doctype html><title>empty</title><p>empty</p>')
}

async function opened(browser: Browser, open: (page: Page) => Promise<void>): Promise<Opened> {
  const context = await browser.newContext()
  const page = await context.newPage()
  await open(page)
  await page.waitForFunction(`performance.getEntriesByName('first-contentful-paint').length > 0`)
  const since = (entry: string): Promise<number> =>
    page.evaluate(`performance.getEntriesByName('${entry}')[0]?.startTime ?? NaN`)
  const found = { painted: await since('first-contentful-paint'), drawn: await since('ringmesh:drawn') }
  await context.close()
  return found
}

async function measureFrames(
  browser: Browser,
  url: string,
  progress: (line: string) => void,
): Promise<Pick<DemoResults, 'frames' | 'done'>> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 1000 } })
  const page = await context.newPage()
  await openDemo(page, url)
  const bare = await (await browser.newContext()).newPage()
  await emptyPage(bare)

  progress(`${peers} peers join`)
  // The page itself and the edge worker of `npm start` are two of them.
  const crowd = await gather(`${url.replace('http', 'ws')}signal`, 'demo', peers - 2)
  await page.waitForFunction(
    `document.querySelectorAll('[data-testid=peers] tr[data-state=alive]').length === ${peers}`,
  )
  const costs: { empty: FrameCost[]; calm: FrameCost[]; busy: FrameCost[] } = {
    empty: [],
    calm: [],
    busy: [],
  }
  const rates: number[] = []
  for (let round = 0; round < rounds; round++) {
    progress(`frames, round ${round + 1} of ${rounds}`)
    costs.empty.push(await watchFrames(bare, watched))
    costs.calm.push(await watchFrames(page, watched))
    crowd.start(tasksPerSecond)
    costs.busy.push(await watchFrames(page, watched))
    rates.push(await crowd.stop())
  }
  const isWhole = await page.evaluate<boolean>(
    `document.querySelectorAll('[data-testid=peers] tr[data-state=alive]').length === ${peers}`,
  )
  if (!isWhole) throw new Error(`not all of the ${peers} peers were there to the end`)
  await crowd.leave()
  const middle = (list: readonly FrameCost[]): FrameCost => ({
    perFrame: median(list.map(({ perFrame }) => perFrame)),
    rate: median(list.map(({ rate }) => rate)),
    longest: Math.max(...list.map(({ longest }) => longest)),
  })
  return {
    frames: { empty: middle(costs.empty), calm: middle(costs.calm), busy: middle(costs.busy) },
    done: median(rates),
  }
}
