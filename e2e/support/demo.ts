import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type BrowserContext, test as base, expect, type Page } from '@playwright/test'

const serveDemo = fileURLToPath(new URL('../../dist/serve-demo.js', import.meta.url))

/** The demo as `npm start` runs it, on a free port, and tabs on it. */
export interface Demo {
  readonly url: string
  /** A tab with the demo, once it is in the mesh. */
  tab(): Promise<Page>
  /** A plain page with the script tag, once its `mesh` has joined. */
  plain(): Promise<Page>
}

export const test = base.extend<{ demo: Demo }>({
  demo: async ({ context }, use) => {
    const server = spawn(process.execPath, [serveDemo, '--port', '0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const url = await printedUrl(server)
    await use({
      url,
      tab: () => openTab(context, url),
      plain: () => openPlain(context, url),
    })
    const gone = new Promise((resolve) => server.once('exit', resolve))
    server.kill('SIGTERM')
    await gone
  },
})

export { expect }

function printedUrl(server: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = ''
    server.stdout?.on('data', (chunk) => {
      printed += String(chunk)
      const found = /http:\/\/\S+/.exec(printed)
      if (found) resolve(found[0])
    })
    server.once('exit', (code) =>
      reject(new Error(`the demo ended with code ${code} before it printed a URL`)),
    )
  })
}

async function openTab(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  page.on('pageerror', (error) => console.error(`page: ${error.stack ?? error.message}`))
  await page.goto(url)
  await page.locator('#app[data-ready=true]').waitFor()
  return page
}

async function openPlain(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  page.on('pageerror', (error) => console.error(`page: ${error.stack ?? error.message}`))
  await page.goto(`${url}embed.html`)
  await page.waitForFunction(() => 'mesh' in window)
  return page
}

/** Kills the renderer of a tab, as a crash does: no event is fired in the page. */
export async function crash(page: Page): Promise<void> {
  const devtools = await page.context().newCDPSession(page)
  const crashed = new Promise<void>((resolve) => page.once('crash', () => resolve()))
  // The command itself is never answered: who would?
  devtools.send('Page.crash').catch(() => {})
  await crashed
}
