/** Opens real tabs and compares ringmesh's links with bare data channels and with peerjs between the same tabs. */
import { mkdtemp, readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PeerServer } from 'peer'
import { type BrowserContext, chromium, type Page } from 'playwright'
import { build } from 'vite'
import { median } from '../median.js'

/** One figure, of ringmesh and of those that have the like. */
export interface LinksResult {
  readonly what: string
  readonly unit: string
  readonly ringmesh: number
  readonly raw: number | undefined
  readonly peerjs: number | undefined
  /** Of ringmesh's figure to that of another: the median of the ratios within the rounds. */
  readonly ratios: { readonly raw: number | undefined; readonly peerjs: number | undefined }
}

/** Urgent round trips, beside bulk or alone, of one way to send both. */
export interface UnderBulkResult {
  readonly transport: string
  /** Milliseconds between an answer and the next message. */
  readonly pause: number
  /** Round trips, in milliseconds. */
  readonly p50: number
  readonly p99: number
  /** The same as times those of the same transport when idle: the medians of the ratios within the rounds. */
  readonly toIdle: { readonly p50: number; readonly p99: number }
  /** Megabytes of bulk a second meanwhile; 0 where there was none. */
  readonly bulk: number
}

/** What is measured between two tabs. */
export interface PairResults {
  readonly links: readonly LinksResult[]
  /** Ringmesh, and bare channels that do no more than a program could by hand. */
  readonly underBulk: readonly UnderBulkResult[]
}

/** Milliseconds until the full mesh of so many tabs stood. */
export interface MeshResult {
  readonly tabs: number
  readonly ringmesh: number
  readonly bare: number
}

/** Each figure is the median of this many, taken in turns so that all see the same machine. */
const rounds = 7
/** Of a pair's. */
const pairRounds = 12
const echoRounds = 24
/**
 * The speed of each transport differs by a tenth from one round to the next. By the medians of 20 and of 30 rounds a raw
 * channel was 0.94 and 0.96 of itself; the median ratio of this many has a standard error of 0.02.
 */
const bulkRounds = 40
/** Of a message of bulk. */
const bulkBytes = 16_384
const bulkMegabytes = 16
/** Of the bare channel's full speed, where its bulk is not held to that of ours. */
const pacedShare = 0.95
/** About as many as are sent beside the bulk. */
const idleEchoes = 1_500
const meshTabs = 16
const meshRounds = 5

/**
 * Measures between two tabs.
 *
 * @param folder - bench/links
 * @param executablePath - of a Chromium; undefined for Playwright's own
 */
export async function measureLinks(
  folder: string,
  executablePath: string | undefined,
  progress: (line: string) => void,
): Promise<PairResults> {
  const peerServer = await new Promise<Server>((resolve) => {
    PeerServer({ port: 0, host: '127.0.0.1' }, (server) => resolve(server as Server))
  })
  try {
    return await inBrowser(join(folder, 'page.ts'), executablePath, async (context, address) => {
      const [a, b] = await Promise.all(['a', 'b'].map((role) => open(context, `${address}#${role}`)))
      const { port } = peerServer.address() as AddressInfo
      await Promise.all([a, b].map((tab) => (tab as Page).evaluate(`connect(${port})`)))
      const links = await measurePair(a as Page, progress)
      const raw = links.find(({ what }) => what === 'bulk')?.raw ?? Number.NaN
      return { links, underBulk: await measureUnderBulk(a as Page, raw, progress) }
    })
  } finally {
    peerServer.close()
  }
}

/** Measures how long a full mesh of many tabs takes; parameters as of {@link measureLinks}. */
export async function measureMesh(
  folder: string,
  executablePath: string | undefined,
  progress: (line: string) => void,
): Promise<MeshResult> {
  return inBrowser(join(folder, 'mesh-page.ts'), executablePath, (context, address) =>
    formMeshes(context, address, progress),
  )
}

/** Opens a browser for pages that do nothing but run `entry`. */
async function inBrowser<T>(
  entry: string,
  executablePath: string | undefined,
  measure: (context: BrowserContext, address: string) => Promise<T>,
): Promise<T> {
  const { address, close } = await serve(await bundle(entry))
  const browser = await chromium.launch({
    ...(executablePath && { executablePath }),
    args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  })
  try {
    return await measure(await browser.newContext(), address)
  } finally {
    await browser.close()
    close()
  }
}

async function bundle(entry: string): Promise<Buffer> {
  const outDir = await mkdtemp(join(tmpdir(), 'ringmesh-bench-'))
  const lib = { entry, formats: ['iife' as const], name: 'bench', fileName: () => 'page.js' }
  await build({ configFile: false, logLevel: 'error', build: { outDir, lib } })
  return readFile(join(outDir, 'page.js'))
}

/** Serves the script, and a page that does nothing but run it. */
async function serve(script: Buffer): Promise<{ address: string; close: () => void }> {
  const server = createServer((request, response) => {
    // Isolated from other origins, a page's clock counts in 5 µs instead of 100.
    response.setHeader('cross-origin-opener-policy', 'same-origin')
    response.setHeader('cross-origin-embedder-policy', 'require-corp')
    const isScript = request.url?.endsWith('.js') === true
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html')
    response.end(isScript ? script : '<!doctype html><script src="/page.js"></script>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { address: `http://127.0.0.1:${port}/`, close: () => server.close() }
}

async function open(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  await page.goto(url)
  return page
}

/**
 * The names with another one first each round, and every other round the other way about: what one leaves behind, the
 * next has collected.
 */
function inTurn(names: readonly string[], round: number): string[] {
  const first = round % names.length
  const turned = [...names.slice(first), ...names.slice(0, first)]
  return round % 2 === 0 ? turned : turned.reverse()
}

async function measurePair(tab: Page, progress: (line: string) => void): Promise<LinksResult[]> {
  const results: LinksResult[] = []
  /** Measures with one call what several figures are picked from. */
  const measured = async <T>(
    rounds: number,
    call: string,
    figures: readonly { what: string; unit: string; pick: (value: T) => number }[],
  ): Promise<void> => {
    progress(figures.map(({ what }) => what).join(' and '))
    const values: Record<string, T[]> = { ringmesh: [], raw: [], peerjs: [] }
    for (let round = 0; round < rounds; round++)
      for (const name of inTurn(Object.keys(values), round)) {
        const value = await tab.evaluate(`measurements.${call.replace('NAME', JSON.stringify(name))}`)
        values[name]?.push(value as T)
      }
    for (const { what, unit, pick } of figures) {
      const all = (name: string): number[] => (values[name] ?? []).map(pick)
      // The machine is faster in one round than in another, but much the same to those of one round.
      const ratioTo = (name: string): number | undefined =>
        median(all('ringmesh').map((ours, round) => ours / (all(name)[round] as number)))
      results.push({
        what,
        unit,
        ringmesh: median(all('ringmesh')),
        raw: median(all('raw')),
        peerjs: median(all('peerjs')),
        ratios: { raw: ratioTo('raw'), peerjs: ratioTo('peerjs') },
      })
    }
  }
  const itself = (rate: number): number => rate
  // What nobody has run yet is slow at first, and a link lasts for longer than its first thousand messages.
  for (const name of ['ringmesh', 'raw', 'peerjs']) {
    await tab.evaluate(`measurements.echoes('${name}', 3000)`)
    await tab.evaluate(`measurements.flood('${name}', 400, 16384, 3)`)
  }
  await measured<{ p50: number; p99: number }>(echoRounds, 'echoes(NAME, 500)', [
    { what: 'echo, p50', unit: 'ms', pick: ({ p50 }) => p50 },
    { what: 'echo, p99', unit: 'ms', pick: ({ p99 }) => p99 },
  ])
  await measured(pairRounds, 'flood(NAME, 20000, 64, 2)', [
    { what: 'small messages', unit: '/s', pick: itself },
  ])
  await measured(bulkRounds, 'flood(NAME, 500, 16384, 3)', [
    { what: 'bulk', unit: 'MB/s', pick: (rate: number) => (rate * bulkBytes) / 1e6 },
  ])
  return results
}

/**
 * Echoes of the transports when idle and beside bulk, in turns so that all see the same machine.
 *
 * @param raw - the bare channel's bulk, in megabytes a second
 */
async function measureUnderBulk(
  tab: Page,
  raw: number,
  progress: (line: string) => void,
): Promise<UnderBulkResult[]> {
  const underBulk = (transport: string, pause: number): string =>
    `measurements.echoesUnderBulk('${transport}', ${bulkMegabytes}, ${pause})`
  /** The one whose bulk is held to the speed of the row before it, or to a share of the bare channel's. */
  const paced = { transport: 'paced', pause: 0, call: underBulk('paced', 0) }
  const ways = [
    { transport: 'idle', pause: 0, call: `measurements.echoes('ringmesh', ${idleEchoes})` },
    { transport: 'idleRaw', pause: 0, call: `measurements.echoes('raw', ${idleEchoes})` },
    { transport: 'ringmesh', pause: 0, call: underBulk('ringmesh', 0) },
    { ...paced, transport: 'pacedAlike' },
    { transport: 'ringmesh', pause: 20, call: underBulk('ringmesh', 20) },
    { transport: 'ringmesh', pause: 100, call: underBulk('ringmesh', 100) },
    { transport: 'twoChannels', pause: 0, call: underBulk('twoChannels', 0) },
    { transport: 'twoConnections', pause: 0, call: underBulk('twoConnections', 0) },
    { ...paced, transport: 'paced' },
  ]
  const measured = ways.map(() => [] as { p50: number; p99: number; bulkRate?: number }[])
  for (let round = 0; round < rounds; round++) {
    progress(`urgent echo under bulk, round ${round + 1} of ${rounds}`)
    let before = 0
    for (const [index, { transport, call }] of ways.entries()) {
      if (transport === 'pacedAlike') await tab.evaluate(`pace(${before * bulkBytes})`)
      if (transport === 'paced') await tab.evaluate(`pace(${raw * 1e6 * pacedShare})`)
      const value = await tab.evaluate<{ p50: number; p99: number; bulkRate?: number }>(call)
      before = value.bulkRate ?? 0
      measured[index]?.push(value)
    }
  }
  return ways.map(({ transport, pause }, index) => {
    const middle = (pick: 'p50' | 'p99' | 'bulkRate'): number =>
      median((measured[index] ?? []).map((value) => value[pick] ?? 0))
    const alone = ways.findIndex((way) => way.transport === (transport === 'ringmesh' ? 'idle' : 'idleRaw'))
    const toIdle = (pick: 'p50' | 'p99'): number =>
      median(
        (measured[index] ?? []).map((value, round) => value[pick] / (measured[alone]?.[round]?.[pick] ?? 0)),
      )
    return {
      transport,
      pause,
      p50: middle('p50'),
      p99: middle('p99'),
      toIdle: { p50: toIdle('p50'), p99: toIdle('p99') },
      bulk: (middle('bulkRate') * bulkBytes) / 1e6,
    }
  })
}

async function formMeshes(
  context: BrowserContext,
  url: string,
  progress: (line: string) => void,
): Promise<MeshResult> {
  const ids = Array.from({ length: meshTabs }, (_, index) => `tab-${String(index).padStart(2, '0')}`)
  const pages = await Promise.all(ids.map((id) => open(context, `${url}#${id}`)))
  const form = async (way: string): Promise<number> => {
    // Time enough for every tab to hear of it.
    const start = Date.now() + 1_000
    const call = `form('${way}', ${JSON.stringify(ids)}, ${start})`
    const ends = await Promise.all(pages.map((page) => page.evaluate<number>(call)))
    await Promise.all(pages.map((page) => page.evaluate('part()')))
    return Math.max(...ends) - start
  }
  const times: Record<string, number[]> = { bare: [], ringmesh: [] }
  for (let round = 0; round < meshRounds; round++) {
    progress(`round ${round + 1} of ${meshRounds}`)
    for (const way of ['bare', 'ringmesh']) times[way]?.push(await form(way))
  }
  const [bare, ringmesh] = ['bare', 'ringmesh'].map((way) => median(times[way] ?? []))
  return { tabs: meshTabs, bare: bare as number, ringmesh: ringmesh as number }
}
