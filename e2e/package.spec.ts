import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { expect, test } from '@playwright/test'
import { findChromium } from '../.ci/find-chromium.mjs'

// The package as a user gets it: packed, and installed beside a copy of the example.
test.describe.configure({ mode: 'serial', timeout: 300_000 })

const root = fileURLToPath(new URL('..', import.meta.url))

let example: string
let files: readonly { readonly path: string; readonly size: number }[]

interface Ended {
  readonly code: number
  readonly out: string
  /** The same, and what was printed as errors. */
  readonly output: string
}

/** Runs a command to its end and gives all that it printed. */
async function run(command: string, parameters: readonly string[], folder: string): Promise<Ended> {
  const environment: NodeJS.ProcessEnv = { ...process.env, RINGMESH_CHROMIUM: await findChromium() }
  // What the runner of these tests tells its own processes is not for those of the example.
  for (const name of Object.keys(environment)) {
    if (/^(TEST_|PLAYWRIGHT_TEST|PW_|FORCE_COLOR)/.test(name)) delete environment[name]
  }
  return promisify(execFile)(command, parameters, { cwd: folder, env: environment, maxBuffer: 2 ** 26 }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, output: stdout + stderr }),
    ({ code, stdout, stderr }) => ({ code, out: stdout, output: `${stdout}${stderr}` }),
  )
}

test.beforeAll(async () => {
  test.setTimeout(300_000)
  example = mkdtempSync(join(tmpdir(), 'ringmesh-example-'))
  cpSync(join(root, 'e2e/example'), example, { recursive: true })
  const packed = await promisify(execFile)(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', example],
    { cwd: root, maxBuffer: 2 ** 26 },
  )
  const listing = JSON.parse(packed.stdout)
  const [{ filename, files: listed }] = Array.isArray(listing) ? listing : Object.values(listing)
  files = listed
  renameSync(join(example, filename), join(example, 'ringmesh.tgz'))
  const installed = await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], example)
  expect(installed.code, installed.output).toBe(0)
})

test.afterAll(() => {
  if (example !== undefined) rmSync(example, { recursive: true, force: true })
})

test('the tarball holds every entry and neither tests nor the demo', () => {
  const paths = files.map(({ path }) => path)
  const { exports, bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const entries = Object.values(exports).flatMap((entry) =>
    typeof entry === 'string' ? [entry] : Object.values(entry as Record<string, string>),
  )
  expect(paths).toEqual(
    expect.arrayContaining([...entries, bin.ringmesh].map((entry: string) => entry.slice('./'.length))),
  )
  expect(paths).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']))
  // The guides are there, as the README links to them; of those folders nothing else is.
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  const linked = [...readme.matchAll(/\]\(((?:src|signaling|e2e)\/[^)#]*\.md)\)/g)].map(([, path]) => path)
  expect(linked.length).toBeGreaterThan(10)
  const guides = paths.filter((path) => /^(src|e2e|signaling)\/.*\.md$/.test(path))
  expect(guides).toEqual(expect.arrayContaining(linked))
  expect(
    paths
      .filter((path) => !guides.includes(path))
      .filter((path) =>
        /\.(test|spec|sim\.test)\.|\/testing\/|demo|^src|^e2e|\.tsx?$/.test(path.replace(/\.d\.ts$/, '')),
      ),
  ).toEqual([])
})

test('whatever its modules import of each other is in the tarball', () => {
  const paths = new Set(files.map(({ path }) => path))
  const modules = [...paths].filter((path) => /^dist\/(?!types)(.*\/)?[^/]+\.js$/.test(path))
  const missing = modules.flatMap((module) => {
    const text = readFileSync(join(root, module), 'utf8')
    return [...text.matchAll(/(?:\bfrom|\bimport\(?)\s*["'](\.{1,2}\/[^"']+\.js)["']/g)]
      .map(([, imported = '']) => posix.join(posix.dirname(module), imported))
      .filter((imported) => !paths.has(imported))
      .map((imported) => `${module} imports ${imported}`)
  })
  expect(missing).toEqual([])
  expect(modules).toContain('dist/cli.js')
})

test('whatever has code of others in it names them, and their licences are in the tarball', () => {
  const paths = new Set(files.map(({ path }) => path))
  const text = (path: string): string => readFileSync(join(root, path), 'utf8')
  const named = [...paths]
    .filter((path) => /^dist\/(?!types).*\.js$/.test(path))
    .map((path) => {
      const [, parts = ''] =
        /^\/\*! ringmesh .* With parts of (.*): see licences\/\. \*\/$/m.exec(text(path)) ?? []
      return [path, parts === '' ? [] : parts.split('; ').map((part) => part.split(' ')[0] ?? '')] as const
    })
  for (const [path, parts] of named) {
    const sources: string[] = paths.has(`${path}.map`) ? JSON.parse(text(`${path}.map`)).sources : []
    const inside = sources.flatMap((source) =>
      [...source.matchAll(/node_modules\/((?:@[^/]+\/)?[^/]+)\//g)].map(([, name = '']) => name),
    )
    expect(
      [...new Set(inside)].filter((name) => !parts.includes(name)),
      path,
    ).toEqual([])
    for (const name of parts) {
      const licence = `dist/licences/${name}.txt`
      expect(paths).toContain(licence)
      expect(text(licence)).toMatch(/permission|licen[cs]e/i)
    }
  }
  expect(new Map(named).get('dist/ringmesh.global.js')).toContain('simple-peer')
  expect(named.filter(([path]) => path.startsWith('dist/chunks/simple-peer'))).toEqual([
    [expect.any(String), ['simple-peer']],
  ])
})

test('what each part weighs is told, as packed and gzipped', () => {
  const rows = files
    .filter(({ path }) => /^dist\/(?!types|docs).*\.js$/.test(path))
    .map(({ path, size }) => ({ path, size, gzip: gzipSync(readFileSync(join(root, path))).byteLength }))
    .sort((a, b) => b.gzip - a.gzip)
  const kib = (bytes: number): string => `${(bytes / 1024).toFixed(1)} KiB`.padStart(10)
  console.log(
    rows.map(({ path, size, gzip }) => `${path.padEnd(44)}${kib(size)}${kib(gzip)} gzip`).join('\n'),
  )
  expect(rows.length).toBeGreaterThan(8)
})

const consumer = `
import { call, GenServer, HashRing, join, type Mesh, type Member } from 'ringmesh'
import { expose } from 'ringmesh/worker'
import { runSim } from 'ringmesh/sim'
import { test } from 'ringmesh/playwright'

class Counter extends GenServer {
  override handleCall(): number { return 1 }
}
const owner: string | undefined = new HashRing(['a', { id: 'b', weight: 2 }]).owner('key')
export const mesh: Promise<Mesh> = join({ signal: 'ws://localhost:9000', room: owner ?? 'r' })
export const members: readonly Member[] = (await mesh).members()
export const value: number | undefined = await (await mesh).store<number>('s').get('k')
// @ts-expect-error a room is needed
join({ signal: 'ws://localhost:9000' })
// @ts-expect-error weights are numbers
new HashRing([{ id: 'b', weight: 'two' }])
expose(Counter)
test('types', async ({ cluster }) => {
  const [a] = await cluster.tabs(1)
  const id: string = await a.evaluate((mesh) => mesh.id)
  // @ts-expect-error one tab was asked for
  const [, b] = await cluster.tabs(1)
  await b
  await runSim({ seed: 1 }, { line: () => {} })
  await call(id, 'next')
})
`

for (const [resolution, module] of [
  ['node16', 'node16'],
  ['bundler', 'esnext'],
] as const) {
  test(`its types resolve and hold under ${resolution}`, async () => {
    writeFileSync(join(example, 'consumer.ts'), consumer)
    const { code, output } = await run(
      'npx',
      [
        ...['--no-install', 'tsc', '--ignoreConfig', '--noEmit', '--strict', '--target', 'es2022'],
        ...['--module', module, '--moduleResolution', resolution, '--types', 'node', 'consumer.ts'],
      ],
      example,
    )
    rmSync(join(example, 'consumer.ts'))
    expect(code, output).toBe(0)
  })
}

test('the entry for browsers is imported in plain Node, which has no window, as for server-side rendering', async () => {
  const script = `
    if (typeof window !== 'undefined') throw new Error('this is no plain Node')
    for (const name of ['localStorage', 'indexedDB']) {
      Object.defineProperty(globalThis, name, {
        get() { throw new Error('touched ' + name) }, configurable: true,
      })
    }
    const { HashRing, join } = await import('ringmesh')
    if (new HashRing(['a']).owner('k') !== 'a') throw new Error('wrong owner')
    const refused = await join({ signal: 'nowhere', room: 'r' }).catch((error) => error.name)
    console.log(import.meta.resolve('ringmesh').split('/').at(-1), refused)
  `
  for (const [conditions, entry] of [
    [['--conditions=browser'], 'index.js'],
    [[], 'index.node.js'],
  ] as const) {
    const { code, output } = await run(
      process.execPath,
      [...conditions, '--input-type=module', '--eval', script],
      example,
    )
    expect(output.trim()).toBe(`${entry} InvalidOption`)
    expect(code).toBe(0)
  }
})

test('every command of the installed package runs', async () => {
  const ringmesh = (...parameters: string[]): Promise<Ended> =>
    run('npx', ['--no-install', 'ringmesh', ...parameters], example)
  const nobody = ['--signal', 'ws://127.0.0.1:1', '--room', 'r']
  const ends = await Promise.all([
    ringmesh('--help'),
    ringmesh('signal', '--print-config'),
    ringmesh('token', '--key', 'k'.repeat(32)),
    ringmesh('sim', '--minutes', '1', '--nodes', '3'),
    ringmesh('edge', ...nobody, '--tasks', './no.js'),
    ringmesh('status', ...nobody, '--timeout', '1'),
  ])
  const said = [
    /ringmesh signal --port 9000/,
    /"port": ?9000/,
    /^[\w-]+\.[\w-]+\.[\w-]+$/m,
    /^seed 1 .*converged/m,
    /there is no .*no\.js/,
    /no signalling server at ws:\/\/127\.0\.0\.1:1/,
  ]
  for (const [index, { output }] of ends.entries()) expect(output).toMatch(said[index] ?? /^$/)
  expect(ends.map(({ code }) => code)).toEqual([0, 0, 0, 0, 2, 1])
})

test('the example passes: its types, and its tests in a real browser', async () => {
  const { code, output } = await run('npm', ['test'], example)
  expect(code, output).toBe(0)
  expect(output).toContain('2 passed')
})

test('a failing test of the example has the state of the peers and the trace attached', async () => {
  writeFileSync(
    join(example, 'tests/failing.spec.ts'),
    `import { expect, test } from 'ringmesh/playwright'
     test('fails', async ({ cluster }) => {
       await cluster.tabs(2)
       expect(cluster.peers).toHaveLength(3)
     })`,
  )
  const { code, out } = await run(
    'npx',
    ['--no-install', 'playwright', 'test', 'failing', '--reporter=json'],
    example,
  )
  expect(code).toBe(1)
  const report = JSON.parse(out)
  const attached: { name: string; body: string }[] = report.suites[0].specs[0].tests[0].results[0].attachments
  const bodyOf = (name: string): string =>
    Buffer.from(attached.find((each) => each.name === name)?.body ?? '', 'base64').toString()
  expect(JSON.parse(bodyOf('ringmesh'))).toHaveLength(2)
  expect(bodyOf('ringmesh-trace')).toMatch(/joined {2}members: 2/)
})
