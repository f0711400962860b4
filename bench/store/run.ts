/** Opens real tabs that are one mesh, and measures what stores cost there beside a raw data channel. */
import { mkdtemp, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Page } from 'playwright'
import { build } from 'vite'
import { startSignalServer } from '../../signaling/index.js'
import { median } from '../median.js'

export interface TabsResult {
  /** Milliseconds at the median: a raw echo, an acknowledged put, taken in turns. */
  readonly echo: number
  readonly put: number
  /** Milliseconds of a get of a key that is held in the tab. */
  readonly get: number
  /** Acknowledged puts a second of all tabs together. */
  readonly sustained: number
  /** Megabytes that the crashed tab held, of which every copy was made again. */
  readonly lost: number
  /** Milliseconds from the crash to the last copy, and from the first suspicion of the others. */
  readonly repair: number
  readonly repairFromSuspicion: number
}

export const tabs = 4
export const inFlight = 8
/** Rounds of each figure that are taken in turns, so that both see the same machine. */
const rounds = 5
const sustainedFor = 5_000
const megabyte = 1024 * 1024
const valueBytes = 1024
/** With three copies of every key on four peers each holds three quarters of all. */
const keysToFill = Math.ceil((10 * megabyte * tabs) / 3 / valueBytes)

/**
 * Measures.
 *
 * @param page - the path of bench/store/page.ts
 * @param executablePath - of a Chromium; undefined for Playwright's own
 */
export async function measureTabs(
  page: string,
  executablePath: string | undefined,
  progress: (line: string) => void,
): Promise<TabsResult> {
  const folder = await mkdtemp(join(tmpdir(), 'ringmesh-bench-'))
  await build({
    configFile: false,
    logLevel: 'error',
    build: {
      outDir: folder,
      lib: { entry: page, formats: ['iife'], name: 'bench', fileName: () => 'page.js' },
    },
  })
  const script = await readFile(join(folder, 'page.js'))
  const server = createServer((request, response) => {
    const isScript = request.url === '/page.js'
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    // Alone in its process a page is given a clock of 5 µs, otherwise one of 100.
    response.setHeader('cross-origin-opener-policy', 'same-origin')
    response.setHeader('cross-origin-embedder-policy', 'require-corp')
    response.end(isScript ? script : '<!doctype html><script src="/page.js"></script>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const signal = await startSignalServer({ port: 0 })
  const browser = await chromium.launch({
    ...(executablePath && { executablePath }),
    args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  })
  try {
    const context = await browser.newContext()
    const { port } = server.address() as AddressInfo
    const pages: Page[] = []
    for (let opened = 0; opened < tabs; opened++) {
      const tab = await context.newPage()
      await tab.goto(`http://127.0.0.1:${port}/?signal=ws://127.0.0.1:${signal.port}`)
      await tab.evaluate('joined')
      pages.push(tab)
    }
    await Promise.all(
      pages.map((tab) => until(tab, 'members', (members: string[]) => members.length === tabs)),
    )
    return await measure(pages, progress)
  } finally {
    await browser.close()
    server.close()
    await signal.close()
  }
}

const run = <T>(tab: Page, call: string): Promise<T> => tab.evaluate(`measurements.${call}`) as Promise<T>

/** Looks at a tab until it is as it should be. */
async function until<T>(tab: Page, what: string, isThere: (value: T) => boolean): Promise<void> {
  while (!isThere(await run<T>(tab, `${what}()`))) await new Promise((resolve) => setTimeout(resolve, 20))
}

async function measure(pages: readonly Page[], progress: (line: string) => void): Promise<TabsResult> {
  const [a, b] = pages as [Page, Page]
  const offer = await a.evaluate('raw.offer()')
  const answer = await b.evaluate(`raw.answer(${JSON.stringify(offer)})`)
  await a.evaluate(`raw.accept(${JSON.stringify(answer)})`)

  progress('echo and put')
  const echoes: number[] = []
  const puts: number[] = []
  await run(a, 'echoes(200)')
  await run(a, "puts(200, 'warm')")
  for (let round = 0; round < rounds; round++) {
    echoes.push(...(await run<number[]>(a, 'echoes(300)')))
    puts.push(...(await run<number[]>(a, `puts(300, 'put ${round}')`)))
  }
  const get = await run<number>(a, 'gets(20000)')

  progress('sustained puts')
  const counts = await Promise.all(
    pages.map((tab, index) => run<number>(tab, `sustained('tab ${index}', ${inFlight}, ${sustainedFor})`)),
  )
  const sustained = (1000 * counts.reduce((sum, count) => sum + count, 0)) / sustainedFor

  progress('filling')
  await run(a, `fill('filled', ${keysToFill}, ${valueBytes})`)
  await Promise.all(pages.map((tab) => until(tab, 'state', isAtRest)))
  progress('repair')
  return {
    echo: median(echoes),
    put: median(puts),
    get,
    sustained,
    ...(await crashOne(pages)),
  }
}

interface State {
  readonly keys: number
  readonly bytes: number
  readonly waiting: number
  readonly foreign: number
}

const isAtRest = ({ waiting, foreign }: State): boolean => waiting === 0 && foreign === 0

/** Three peers are left for three copies: all is made again when each of them holds every key. */
async function crashOne(
  pages: readonly Page[],
): Promise<Pick<TabsResult, 'lost' | 'repair' | 'repairFromSuspicion'>> {
  const states = await Promise.all(pages.map((tab) => run<State>(tab, 'state()')))
  const all = states.reduce((sum, { keys }) => sum + keys, 0) / 3
  const [victim, ...others] = [...pages].reverse() as [Page, ...Page[]]
  const lost = (states.at(-1)?.bytes ?? 0) / megabyte
  const devtools = await victim.context().newCDPSession(victim)
  const crashed = new Promise((resolve) => victim.once('crash', resolve))
  const start = Date.now()
  // The command itself is never answered: who would?
  devtools.send('Page.crash').catch(() => {})
  const whole = others.map((tab) => run<number>(tab, `whole(${all})`))
  await crashed
  const end = Math.max(...(await Promise.all(whole)))
  const seen = (await Promise.all(others.map((tab) => tab.evaluate('seen')))) as {
    state: string
    at: number
  }[][]
  const suspected = seen.flat().filter(({ state, at }) => state === 'suspect' && at >= start)
  const first = Math.min(...suspected.map(({ at }) => at), end)
  return { lost, repair: end - start, repairFromSuspicion: end - first }
}
