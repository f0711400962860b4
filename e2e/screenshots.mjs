// `npm run screenshots`: the pictures of the README, taken of the real page: calm, just after a kill, and
// settled again, at the width of a desk and of a phone. Needs a build.
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright'
import { findChromium } from '../.ci/find-chromium.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const folder = `${root}public/screenshots`
const sizes = { desk: { width: 1440, height: 1000 }, phone: { width: 390, height: 844 } }

mkdirSync(folder, { recursive: true })
const server = spawn(process.execPath, [`${root}dist/serve-demo.js`, '--port', '0'], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
const url = await new Promise((resolve) => {
  server.stdout.on('data', (chunk) => {
    const found = /http:\/\/\S+/.exec(String(chunk))
    if (found) resolve(found[0])
  })
})
const browser = await chromium.launch({
  executablePath: await findChromium(),
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
})

for (const [name, viewport] of Object.entries(sizes)) {
  const page = await browser.newPage({ viewport, colorScheme: 'light' })
  await page.goto(url)
  await page.locator('#app[data-ready=true]').waitFor()
  // A desk is shown whole; of a phone's page what matters at that moment.
  const shoot = async (moment, subject = 'ring') => {
    await page.locator(`#${subject}`).evaluate((section, isWhole) => {
      if (isWhole) scrollTo(0, 0)
      else section.scrollIntoView({ block: section.id === 'ring' ? 'start' : 'center' })
    }, name === 'desk')
    await page.screenshot({ path: `${folder}/${name}-${moment}.png`, fullPage: name === 'desk' })
  }
  const alive = (count) =>
    page.waitForFunction(
      (wanted) => document.querySelectorAll('[data-testid=peers] [data-state=alive]').length === wanted,
      count,
      { timeout: 60_000 },
    )
  await page.getByTestId('add-three').click()
  await alive(5)
  await page.getByTestId('count-sample').click()
  await page.locator('[data-testid=count-state][data-done=true]').waitFor({ timeout: 60_000 })
  await page.getByTestId('draw').click()
  await page.getByText(/tiles by \d+ peers in/).waitFor({ timeout: 60_000 })
  await shoot('calm')
  await page.getByTestId('kill').click()
  await alive(4)
  await shoot('kill')
  await page
    .getByTestId('sightings')
    .getByText(/^0 of \d+$/)
    .nth(1)
    .waitFor({ timeout: 60_000 })
  await shoot('after', 'stopwatch')
  await page.close()
}
await browser.close()
server.kill('SIGTERM')
