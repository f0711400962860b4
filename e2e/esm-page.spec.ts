import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { Page } from '@playwright/test'
import { build } from 'vite'
import { expect, test } from './support/demo.js'
import { measured } from './support/measured.js'
import { startModulePages } from './support/module-pages.js'

// `import { join } from 'ringmesh'` in a page, through the exports of the package: bundled by Vite, and as it is.

const root = fileURLToPath(new URL('..', import.meta.url))

/** What a page may load at once for a name, bundled, minified and compressed, in bytes. */
const budgets = { join: 118_000, HashRing: 22_000 }

/** What Vite makes of a module of a user who has installed the package: what the page loads at once, in one piece. */
async function bundled(code: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'ringmesh-bundled-'))
  // Vite sets it for the whole process, and npm would then leave out what tests in other files install.
  const { NODE_ENV: environment } = process.env
  try {
    mkdirSync(join(folder, 'node_modules'))
    symlinkSync(root, join(folder, 'node_modules/ringmesh'), 'junction')
    writeFileSync(join(folder, 'page.js'), code)
    const built = await build({
      root: folder,
      configFile: false,
      logLevel: 'warn',
      build: { write: false, target: 'es2022', rollupOptions: { input: join(folder, 'page.js') } },
    })
    const chunks = [built].flat().flatMap((each) => ('output' in each ? each.output : []))
    const [entry, ...others] = chunks.filter((chunk) => chunk.type === 'chunk' && !chunk.isDynamicEntry)
    if (entry?.type !== 'chunk' || others.length > 0) throw new Error('there should be one chunk at once')
    return entry.code
  } finally {
    if (environment === undefined) delete process.env.NODE_ENV
    else process.env.NODE_ENV = environment
    rmSync(folder, { recursive: true, force: true })
  }
}

for (const [name, budget] of Object.entries(budgets)) {
  test(`${name} of a page that Vite bundles keeps to its budget`, async () => {
    const code = await bundled(`import { ${name} } from 'ringmesh'\nglobalThis.used = ${name}`)
    const bytes = gzipSync(code, { level: 9 }).length
    const kilobytes = (count: number): string => (count / 1_000).toFixed(1)
    measured(test.info(), `${name} bundled, gzip`, `${kilobytes(bytes)} kB of ${kilobytes(budget)}`)
    expect(bytes).toBeLessThanOrEqual(budget)
    // A ring needs no connection; and what makes one has no streams of Node in it.
    expect(code.includes('_needsNegotiation')).toBe(name === 'join')
    expect(code).not.toContain('_transform')
  })
}

test('a bundled page and one with an import map join, and are linked directly to each other and to Node', async ({
  demo,
  context,
}) => {
  const code = `import { join } from 'ringmesh'
    globalThis.heard = new Promise((resolve) => { globalThis.hear = resolve })
    join({ signal: '${demo.url}signal', room: 'demo' }).then((mesh) => {
      mesh.on('message', (message) => message === 'from a module' && globalThis.hear(message))
      globalThis.mesh = mesh
    })`
  const server = await startModulePages({ bundled: await bundled(code), mapped: code })
  try {
    const pages: Page[] = []
    for (const name of ['bundled', 'mapped']) {
      const page = await context.newPage()
      page.on('pageerror', (error) => console.error(`${name}: ${error.stack ?? error.message}`))
      await page.goto(`${server.url}${name}.html`)
      await page.waitForFunction(() => 'mesh' in window)
      pages.push(page)
    }
    // Each other, and the edge worker of the demo.
    for (const page of pages)
      await expect
        .poll(() => page.evaluate("mesh.members().map(({ kind, link }) => kind + ' ' + link).sort()"))
        .toEqual(['edge direct', 'tab direct', 'tab self'])
    for (const page of pages) await page.evaluate("mesh.broadcast('from a module')")
    for (const page of pages) expect(await page.evaluate('heard')).toBe('from a module')
  } finally {
    await server.stop()
  }
})
