// node e2e/support/take-pictures.mjs [folder]: the demo at three moments, wide and narrow, from the built page.
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { chromium } from '@playwright/test'
import { findChromium } from '../../.ci/find-chromium.mjs'

const folder = process.argv[2] ?? 'docs/pictures'
const sizes = [
  { name: 'wide', width: 1440, height: 1000, scale: 1 },
  { name: 'narrow', width: 390, height: 844, scale: 2 },
]

mkdirSync(folder, { recursive: true })
const executablePath = await findChromium()
const browser = await chromium.launch({
  ...(executablePath ? { executablePath } : {}),
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
})
try {
  for (const size of sizes) await withDemo((url) => takeThree(url, size))
} finally {
  await browser.close()
}

/** A demo of its own for every size: the peers of the one before are still dying. */
async function withDemo(use) {
  const server = spawn(
    process.execPath,
    [fileURLToPath(new URL('../../dist/serve-demo.js', import.meta.url)), '--port', '0'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  try {
    const url = await new Promise((resolve, reject) => {
      server.once('exit', (code) => reject(new Error(`the demo ended with code ${code}`)))
      server.stdout.on('data', (chunk) => {
        const found = /http:\/\/\S+/.exec(String(chunk))
        if (found) resolve(found[0])
      })
    })
    await use(url)
  } finally {
    server.kill('SIGTERM')
  }
}

async function takeThree(url, { name, width, height, scale }) {
  const context = await browser.newContext({
    viewport: { width, height },
    deviceScaleFactor: scale,
    colorScheme: name === 'wide' ? 'light' : 'dark',
  })
  const page = await context.newPage()
  const take = async (moment) => {
    // On a narrow page the picture comes after the buttons.
    if (name === 'narrow') await page.locator('.board').evaluate((board) => board.scrollIntoView())
    await page.screenshot({ path: join(folder, `${moment}-${name}.png`) })
  }
  await page.goto(url)
  await page.getByTestId('add-three').click()
  const peers = (state) => page.locator(`[data-testid=peers] tr[data-state=${state}]`)
  await peers('alive').nth(4).waitFor()
  // The last arcs glow for a while.
  await page.waitForTimeout(3_000)
  await take('calm')
  await page.getByTestId('kill').click()
  await page.locator('.ring .peer.dead').waitFor()
  await page.waitForTimeout(500)
  await take('kill')
  await page.locator('[data-testid=sightings] [data-phase=done]').waitFor({ timeout: 60_000 })
  await page.locator('.ring .peer.dead').waitFor({ state: 'detached' })
  await take('after')
  await context.close()
}
