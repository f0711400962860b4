import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { BrowserContext, Page } from '@playwright/test'
import { test as base, expect } from './support/demo.js'
import { measured } from './support/measured.js'
import { startScriptPages } from './support/script-pages.js'

/** What each file may weigh, compressed, in bytes. The first is what a page with the tag always loads. */
const budgets = {
  'ringmesh.global.js': 60_000,
  'ringmesh.mesh.js': 73_000,
  'ringmesh.peerjs.js': 26_000,
  'ringmesh.inspector.js': 24_000,
  'ringmesh.worker.js': 10_000,
}
const files = Object.keys(budgets) as (keyof typeof budgets)[]
/** The files that are told part by part. */
const tabled = ['ringmesh.global.js', 'ringmesh.mesh.js'] as const

/** By how much a number of the table may be off before it counts as untrue: a tenth, or half a kilobyte. */
const tolerance = { share: 0.1, bytes: 500 }

const dist = fileURLToPath(new URL('../dist/', import.meta.url))
const read = (path: string): string => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
const inKilobytes = (bytes: number): string => (bytes / 1_000).toFixed(1)
const weightOf = (file: string): number => gzipSync(read(`dist/${file}`), { level: 9 }).length

/** A page with nothing but the script tag, and which of its files it asked for. */
async function openBlank(context: BrowserContext, url: string): Promise<{ page: Page; asked: string[] }> {
  const page = await context.newPage()
  const asked: string[] = []
  page.on('request', (request) => {
    const [file] = /ringmesh\.\w+\.js$/.exec(request.url()) ?? []
    if (file !== undefined) asked.push(file)
  })
  await page.goto(url)
  return { page, asked }
}

/** Web servers of pages with the script tag; see {@link startScriptPages}. */
const test = base.extend<{
  startPages: (...parameters: Parameters<typeof startScriptPages>) => Promise<string>
}>({
  startPages: async ({ context: _ }, use) => {
    const servers: Awaited<ReturnType<typeof startScriptPages>>[] = []
    await use(async (...parameters) => {
      const server = await startScriptPages(...parameters)
      servers.push(server)
      return server.url
    })
    for (const server of servers) await server.stop()
  },
})

/** Numbers of a table in the guide, in bytes, by the first cell of their row. */
function tableOf(rows: RegExp): Map<string, number[]> {
  return new Map(
    [...read('src/embed/README.md').matchAll(rows)].map(([, name = '', cells = '']) => [
      name,
      cells.split('|').map((cell) => Number(cell) * 1_000),
    ]),
  )
}

function isTrue(told: number, bytes: number): boolean {
  return Math.abs(told - bytes) <= Math.max(tolerance.bytes, bytes * tolerance.share)
}

for (const file of files) {
  test(`${file} keeps to its budget`, () => {
    const bytes = weightOf(file)
    measured(test.info(), `${file}, gzip`, `${inKilobytes(bytes)} kB of ${inKilobytes(budgets[file])}`)
    expect(bytes).toBeLessThanOrEqual(budgets[file])
  })
}

test('what the guide says each file weighs is true', () => {
  const told = tableOf(/^\| `(ringmesh\.\w+\.js)` \|.*\| ([\d.]+) \|$/gm)
  expect([...told.keys()].sort()).toEqual([...files].sort())
  for (const file of files) {
    const [kilobytes = 0] = told.get(file) ?? []
    expect(isTrue(kilobytes, weightOf(file)), `${file} weighs ${inKilobytes(weightOf(file))} kB`).toBe(true)
  }
})

test('the table of what each part of the script tag weighs is true', () => {
  const built = new Map<string, number[]>()
  for (const [column, file] of tabled.entries()) {
    const weights: { part: string; bytes: number }[] = JSON.parse(
      read(`dist/${file.replace(/\.js$/, '.weights.json')}`),
    )
    for (const { part, bytes } of weights) {
      const row = built.get(part) ?? [0, 0]
      row[column] = bytes
      built.set(part, row)
    }
  }
  const told = tableOf(/^\| `([^`]+)` \| ([\d. ]*\|[\d. ]*)\|$/gm)
  const sum = (row: number[]): number => row.reduce((a, b) => a + b)
  const table = [...built]
    .sort(([, a], [, b]) => sum(b) - sum(a))
    .map(
      ([part, row]) =>
        `| \`${part}\` | ${row
          .map((bytes) => bytes && inKilobytes(bytes))
          .map((cell) => cell || ' ')
          .join(' | ')} |`,
    )
    .join('\n')
  const untrue = [...built].filter(
    ([part, row]) => !row.every((bytes, column) => isTrue(told.get(part)?.[column] ?? 0, bytes)),
  )
  const gone = [...told.keys()].filter((part) => !built.has(part))
  expect([...untrue.map(([part]) => part), ...gone], `src/embed/README.md should say:\n${table}`).toEqual([])
})

/** The names of a module and what kinds of things they are, with the methods of classes. */
const kindsOf = `(ringmesh) =>
  Object.entries(ringmesh).map(([name, value]) => {
    const members = typeof value === 'function' && value.prototype ? Object.getOwnPropertyNames(value.prototype) : []
    return [name, typeof value, ...members.filter((member) => member !== 'constructor').sort()].join(' ')
  }).sort()`

test('window.ringmesh has every name of the package, of the same kind, before anything else is loaded', async ({
  startPages,
  context,
}) => {
  const { page, asked } = await openBlank(context, await startPages())
  const inPage: string[] = await page.evaluate(`(${kindsOf})(ringmesh)`)
  const ofPackage: string[] = new Function(`return ${kindsOf}`)()(
    await import(new URL('../dist/index.js', import.meta.url).href),
  )
  expect(ofPackage.length).toBeGreaterThan(40)
  expect(inPage.filter((name) => !ofPackage.includes(name))).toEqual([
    expect.stringMatching(/^ready object/),
    expect.stringMatching(/^version string/),
  ])
  expect(ofPackage.filter((name) => !inPage.includes(name))).toEqual([])
  expect(asked).toEqual(['ringmesh.global.js'])
})

test('rings, processes and supervisors of a page need the first file alone', async ({
  startPages,
  context,
}) => {
  const { page, asked } = await openBlank(context, await startPages())
  const seen = await page.evaluate(`(async () => {
    class Tally extends ringmesh.GenServer {
      #count = 0
      handleCall(step) {
        if (step === 'crash') throw new Error('crash')
        return (this.#count += step)
      }
    }
    const tree = await ringmesh.Supervisor.start({ strategy: 'one_for_one', children: [{ id: 'tally', start: [Tally], name: 'tally' }] })
    const first = await ringmesh.call('tally', 2)
    const crashed = await ringmesh.call('tally', 'crash').catch((error) => error.reason.type)
    while (ringmesh.whereis('tally') === undefined) await new Promise(requestAnimationFrame)
    const dynamic = new ringmesh.DynamicSupervisor()
    await dynamic.startChild({ start: [Tally] })
    const registry = new ringmesh.Registry({ keys: 'unique' })
    return [
      first, crashed, await ringmesh.call('tally', 3), tree.children()[0].restarts, dynamic.count().active,
      registry.count(), new ringmesh.HashRing(['a']).owner('k'), new ringmesh.RoundRobin(['b']).next(),
    ]
  })()`)
  expect(seen).toEqual([2, 'error', 3, 1, 1, 0, 'a', 'b'])
  expect(asked).toEqual(['ringmesh.global.js'])
})

/** Joins, and tells how that ended. */
function attempt(page: Page, url: string): Promise<string> {
  return page.evaluate(
    (signal) => {
      const { ringmesh } = window as unknown as {
        ringmesh: {
          RingmeshError: new () => Error
          join(options: object): Promise<{ leave(): Promise<void> }>
        }
      }
      return ringmesh.join({ signal, room: 'files' }).then(
        (mesh) => mesh.leave().then(() => 'joined'),
        (error: Error) => `${error instanceof ringmesh.RingmeshError} ${error.name}: ${error.message}`,
      )
    },
    `${url.replace('http', 'ws')}signal`,
  )
}

test('a join that cannot have the mesh says which file and why, and the next one may have it', async ({
  demo,
  startPages,
  context,
}) => {
  const url = await startPages()
  const { page, asked } = await openBlank(context, url)
  const pattern = '**/ringmesh.mesh.js'
  const file = `true ScriptUnavailable: join: ${url}ringmesh.mesh.js`
  await page.route(pattern, (route) => route.fulfill({ status: 404, body: 'not here' }))
  expect(await attempt(page, demo.url)).toContain(`${file} was answered with status 404`)
  await page.unroute(pattern)
  await page.route(pattern, (route) => route.abort())
  expect(await attempt(page, demo.url)).toContain(`${file} cannot be fetched`)
  await page.unroute(pattern)
  await page.route(pattern, (route) =>
    route.fulfill({ contentType: 'text/javascript', body: `${read('dist/ringmesh.mesh.js')} ` }),
  )
  expect(await attempt(page, demo.url)).toContain(`${file} is there, but its hash or type is another`)
  await page.unroute(pattern)
  expect(await attempt(page, demo.url)).toBe('joined')
  const before = asked.length
  expect(await attempt(page, demo.url)).toBe('joined')
  expect(asked).toHaveLength(before)
})

test('a join that the policy of the page keeps from the mesh says so', async ({
  demo,
  startPages,
  context,
}) => {
  const url = await startPages('script-src %ringmesh.global.js; connect-src *')
  const { page } = await openBlank(context, url)
  expect(await attempt(page, demo.url)).toContain("is blocked by the page's policy, script-src")
})

test('a page whose policy is a nonce, and that demands Trusted Types, joins', async ({
  demo,
  startPages,
  context,
}) => {
  const policy = "script-src 'nonce-abc'; require-trusted-types-for 'script'; trusted-types ringmesh"
  const { page } = await openBlank(context, await startPages(policy, 'nonce="abc"'))
  expect(await attempt(page, demo.url)).toBe('joined')
})

test('a page from a disk joins, and is told of a file of another build', async ({ demo, context }) => {
  const folder = mkdtempSync(join(tmpdir(), 'ringmesh-script-tag-'))
  try {
    for (const file of tabled) cpSync(join(dist, file), join(folder, file))
    const document = join(folder, 'page.html')
    writeFileSync(document, '<!doctype html><script src="ringmesh.global.js"></script>')
    const page = await context.newPage()
    await page.goto(pathToFileURL(document).href)
    expect(await attempt(page, demo.url)).toBe('joined')
    const other = read('dist/ringmesh.mesh.js').replace(/ringmesh [0-9a-f]{16}/, 'ringmesh 0123456789abcdef')
    writeFileSync(join(folder, 'ringmesh.mesh.js'), other)
    await page.reload()
    expect(await attempt(page, demo.url)).toContain('ringmesh.mesh.js is of another build')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
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

/** Serves a file of the script tag as somebody else would have it. */
async function tamper(page: Page, file: string): Promise<void> {
  await page.route(`**/${file}`, (route) =>
    route.fulfill({
      contentType: 'text/javascript',
      body: `${read(`dist/${file}`)};globalThis.tampered = true`,
    }),
  )
}

test('an inspector of another content does not run, and the page is told why', async ({
  startPages,
  context,
}) => {
  const url = await startPages()
  const { page } = await openBlank(context, url)
  const said = page.waitForEvent('console', (message) =>
    message.text().includes('the inspector did not load'),
  )
  await tamper(page, 'ringmesh.inspector.js')
  await page.evaluate("document.body.append(document.createElement('ringmesh-inspector'))")
  expect((await said).text()).toContain(
    `${url}ringmesh.inspector.js is there, but its hash or type is another`,
  )
  expect(await page.evaluate("['tampered' in window, !!customElements.get('ringmesh-inspector')]")).toEqual([
    false,
    false,
  ])
})

test('a package PeerJS of another content does not run, and the page does without it', async ({
  demo,
  startPages,
  context,
}) => {
  const url = await startPages()
  const { page } = await openBlank(context, url)
  const said = page.waitForEvent('console', (message) => message.text().includes('the package is not used'))
  await tamper(page, 'ringmesh.peerjs.js')
  const { hostname: host, port } = new URL(demo.url)
  const refusal = page.evaluate(
    `ringmesh.join({ signal: ringmesh.peerjs({ host: '${host}', port: ${port}, path: 'none' }), room: 'r' }).catch(String)`,
  )
  // The console shortens what is wrong with it.
  expect((await said).text()).toContain('ScriptUnavailable')
  expect(await refusal).toContain('SignalUnreachable: no PeerServer at')
  expect(await page.evaluate("'tampered' in window")).toBe(false)
})

test('under a nonce and Trusted Types a page has the mesh, the inspector and PeerJS', async ({
  demo,
  startPages,
  context,
}) => {
  const policy =
    "default-src 'none'; connect-src *; script-src 'nonce-abc'; require-trusted-types-for 'script'; trusted-types ringmesh"
  const { page, asked } = await openBlank(context, await startPages(policy, 'nonce="abc"'))
  const violations: string[] = []
  page.on('console', (message) => {
    if (/Content Security Policy|Trusted/.test(message.text())) violations.push(message.text())
  })
  expect(await attempt(page, demo.url)).toBe('joined')
  await page.evaluate("document.body.append(document.createElement('ringmesh-inspector'))")
  // By asking again and again: a condition that waits in the page is an evaluation that its policy forbids.
  await expect.poll(() => page.evaluate("!!customElements.get('ringmesh-inspector')")).toBe(true)
  const { hostname: host, port } = new URL(demo.url)
  expect(
    await page.evaluate(
      `ringmesh.join({ signal: ringmesh.peerjs({ host: '${host}', port: ${port}, path: 'none' }), room: 'r' }).catch(String)`,
    ),
  ).toContain('SignalUnreachable: no PeerServer at')
  // Each once: what the tag has loaded, the import takes.
  expect(asked).toEqual([
    'ringmesh.global.js',
    'ringmesh.mesh.js',
    'ringmesh.inspector.js',
    'ringmesh.peerjs.js',
  ])
  expect(violations).toEqual([])
})

test('workers of a page without a build step are supervised and do tasks, as the guide writes them', async ({
  demo,
  startPages,
  context,
}) => {
  const [, parser = '', ofPage = ''] =
    /^```js\n(\/\/ parser\.js\n.*?)^```.*?^```js\n(\/\/ page\.js\n.*?)^```/ms.exec(
      read('src/embed/README.md'),
    ) ?? []
  const scripts: Readonly<Record<string, string>> = {
    'parser.js': parser,
    'tasks.js': "import './ringmesh.worker.js'\nringmesh.expose({ square: (n) => n * n })",
  }
  for (const [name, body] of Object.entries(scripts))
    await context.route(`**/${name}`, (route) => route.fulfill({ contentType: 'text/javascript', body }))
  const signal = `${demo.url.replace('http', 'ws')}signal`
  const { page } = await openBlank(
    context,
    await startPages(undefined, `data-signal="${signal}" data-room="workers"`),
  )
  const said = page.waitForEvent('console', (message) => message.type() === 'log')
  await page.evaluate(ofPage)
  expect(await (await said).args()[0]?.jsonValue()).toEqual([1, 2])
  expect(
    await page.evaluate(`ringmesh.ready.then(async (mesh) => {
      mesh.tasks.defineInWorker('square', () => new Worker('tasks.js', { type: 'module' }))
      return mesh.tasks.run('square', 7)
    })`),
  ).toBe(49)
})
