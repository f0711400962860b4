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
const browser = await chromium.launch({
  executablePath: await findChromium(),
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
})

for (const [name, viewport] of Object.entries(sizes)) {
  // A demo for each: the peers of one page must not be seen to go on the other.
  const { server, url } = await startDemo()
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
  if (name === 'desk') await paintRings(page)
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
  server.kill('SIGTERM')
}
await browser.close()

async function startDemo() {
  const server = spawn(process.execPath, [`${root}dist/serve-demo.js`, '--port', '0'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const url = await new Promise((resolve) => {
    server.stdout.on('data', (chunk) => {
      const found = /http:\/\/\S+/.exec(String(chunk))
      if (found) resolve(found[0])
    })
  })
  return { server, url }
}

/** Rings on the shared board, each in a colour of its own, painted by hand. */
async function paintRings(page) {
  const board = page.getByTestId('pixels')
  for (const [index, colour] of ['blue', 'amber', 'green', 'magenta'].entries()) {
    await page.getByRole('radio', { name: colour }).check({ force: true })
    await board.scrollIntoViewIfNeeded()
    const { x, y, width } = await board.boundingBox()
    const at = (step) => {
      const angle = (step / 48) * 2 * Math.PI
      const radius = width * (0.42 - 0.09 * index)
      return [x + width / 2 + Math.cos(angle) * radius, y + width / 2 + Math.sin(angle) * radius]
    }
    await page.mouse.move(...at(0))
    await page.mouse.down()
    for (let step = 1; step <= 48; step++) await page.mouse.move(...at(step))
    await page.mouse.up()
  }
}
