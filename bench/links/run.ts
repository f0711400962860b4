/** Opens two real tabs and compares ringmesh's links with a raw data channel between the same tabs. */
import { mkdtemp, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Page } from 'playwright'
import { build } from 'vite'

export interface LinksResult {
  readonly what: string
  readonly unit: string
  readonly ringmesh: number
  /** Undefined where a raw channel has nothing like it. */
  readonly raw: number | undefined
}

/** Each figure is the median of this many, taken in turns so that both see the same machine. */
const rounds = 3

/**
 * Measures.
 *
 * @param page - the path of bench/links/page.ts
 * @param executablePath - of a Chromium; undefined for Playwright's own
 */
export async function measureLinks(
  page: string,
  executablePath: string | undefined,
  progress: (line: string) => void,
): Promise<LinksResult[]> {
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
    response.end(isScript ? script : '<!doctype html><script src="/page.js"></script>')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const browser = await chromium.launch({
    ...(executablePath && { executablePath }),
    args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  })
  try {
    const context = await browser.newContext()
    const a = await context.newPage()
    await a.goto(`http://127.0.0.1:${port}/#a`)
    const b = await context.newPage()
    await b.goto(`http://127.0.0.1:${port}/#b`)
    await a.evaluate('connected')
    await b.evaluate('connected')
    return await measure(a, progress)
  } finally {
    await browser.close()
    server.close()
  }
}

async function measure(tab: Page, progress: (line: string) => void): Promise<LinksResult[]> {
  const run = <T>(transport: string, call: string): Promise<T> =>
    tab.evaluate(`measurements.${call.replace('NAME', JSON.stringify(transport))}`) as Promise<T>
  /** The median of the rounds of each transport. */
  const medians = async <T>(
    transports: readonly string[],
    call: string,
    pick: (value: T) => number,
  ): Promise<(number | undefined)[]> => {
    const values = transports.map((): number[] => [])
    for (let round = 0; round < rounds; round++)
      for (const [index, transport] of transports.entries())
        values[index]?.push(pick(await run<T>(transport, call)))
    return values.map((list) => list.sort((a, b) => a - b)[Math.floor(rounds / 2)])
  }
  const results: LinksResult[] = []
  const measured = async <T>(
    what: string,
    unit: string,
    call: string,
    pick: (value: T) => number,
    transports = ['ringmesh', 'raw'],
  ): Promise<void> => {
    progress(what)
    const [ringmesh = Number.NaN, raw] = await medians(transports, call, pick)
    results.push({ what, unit, ringmesh, raw })
  }
  const p50 = (value: { p50: number }): number => value.p50
  const p99 = (value: { p99: number }): number => value.p99
  await medians(['ringmesh', 'raw'], 'echoes(NAME, 200)', p50)
  await measured('echo, p50', 'ms', 'echoes(NAME, 500)', p50)
  await measured('echo, p99', 'ms', 'echoes(NAME, 500)', p99)
  await measured('small messages', '/s', 'flood(NAME, 60000, 64, 2)', (rate: number) => rate)
  await measured('bulk', 'MB/s', 'flood(NAME, 2000, 16384, 3)', (rate: number) => (rate * 16_384) / 1e6)
  await measured('echo under bulk, p99', 'ms', 'echoesUnderBulk(NAME, 64)', p99, ['ringmesh'])
  return results
}
