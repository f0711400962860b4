/** Opens real tabs and compares ringmesh's links with bare data channels and with peerjs between the same tabs. */
import { mkdtemp, readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PeerServer } from 'peer'
import { type BrowserContext, chromium, type Page } from 'playwright'
import { build } from 'vite'

/** One figure, of ringmesh and of those that have the like. */
export interface LinksResult {
  readonly what: string
  readonly unit: string
  readonly ringmesh: number
  readonly raw: number | undefined
  readonly peerjs: number | undefined
}

/** Milliseconds until the full mesh of so many tabs stood. */
export interface MeshResult {
  readonly tabs: number
  readonly ringmesh: number
  readonly bare: number
}

/** Each figure is the median of this many, taken in turns so that all see the same machine. */
const rounds = 5
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
): Promise<LinksResult[]> {
  const peerServer = await new Promise<Server>((resolve) => {
    PeerServer({ port: 0, host: '127.0.0.1' }, (server) => resolve(server as Server))
  })
  try {
    return await inBrowser(join(folder, 'page.ts'), executablePath, async (context, address) => {
      const [a, b] = await Promise.all(['a', 'b'].map((role) => open(context, `${address}#${role}`)))
      const { port } = peerServer.address() as AddressInfo
      await Promise.all([a, b].map((tab) => (tab as Page).evaluate(`connect(${port})`)))
      return measurePair(a as Page, progress)
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

async function measurePair(tab: Page, progress: (line: string) => void): Promise<LinksResult[]> {
  const results: LinksResult[] = []
  const measured = async <T>(
    what: string,
    unit: string,
    call: string,
    pick: (value: T) => number,
    transports: Readonly<Record<string, string>> = { ringmesh: 'ringmesh', raw: 'raw', peerjs: 'peerjs' },
  ): Promise<void> => {
    progress(what)
    const values: Record<string, number[]> = { ringmesh: [], raw: [], peerjs: [] }
    for (let round = 0; round < rounds; round++)
      for (const [name, transport] of Object.entries(transports)) {
        const value = (await tab.evaluate(
          `measurements.${call.replace('NAME', JSON.stringify(transport))}`,
        )) as T
        values[name]?.push(pick(value))
      }
    const [ringmesh, raw, peerjs] = ['ringmesh', 'raw', 'peerjs'].map((name) => median(values[name] ?? []))
    results.push({ what, unit, ringmesh: ringmesh ?? Number.NaN, raw, peerjs })
  }
  const p50 = (value: { p50: number }): number => value.p50
  const p99 = (value: { p99: number }): number => value.p99
  const twoChannels = { ringmesh: 'ringmesh', raw: 'twoChannels' }
  const itself = (rate: number): number => rate
  // What nobody has run yet is slow at first, and a link lasts for longer than its first thousand messages.
  for (const name of ['ringmesh', 'raw', 'peerjs']) {
    await tab.evaluate(`measurements.echoes('${name}', 3000)`)
    await tab.evaluate(`measurements.flood('${name}', 400, 16384, 3)`)
  }
  await measured('echo, p50', 'ms', 'echoes(NAME, 1000)', p50)
  await measured('echo, p99', 'ms', 'echoes(NAME, 1000)', p99)
  await measured('small messages', '/s', 'flood(NAME, 30000, 64, 2)', itself)
  await measured('bulk', 'MB/s', 'flood(NAME, 1000, 16384, 3)', (rate: number) => (rate * 16_384) / 1e6)
  await measured('urgent echo under bulk, p50', 'ms', 'echoesUnderBulk(NAME, 24)', p50, twoChannels)
  await measured('urgent echo under bulk, p99', 'ms', 'echoesUnderBulk(NAME, 24)', p99, twoChannels)
  return results
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
  const [bare, ringmesh] = ['bare', 'ringmesh'].map((way) => median(times[way] ?? []) ?? Number.NaN)
  return { tabs: meshTabs, bare: bare as number, ringmesh: ringmesh as number }
}

function median(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]
}
