import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import AxeBuilder from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { expect, test } from './support/demo.js'

const built = (file: string): URL => new URL(`../dist/${file}`, import.meta.url)

/** Violations that keep somebody from using the page. */
async function seriousViolations(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`)
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`the demo and the inspector can be used by everybody (${colorScheme})`, async ({ demo }) => {
    const tab = await demo.tab()
    await tab.emulateMedia({ colorScheme })
    await tab.getByTestId('add-three').click()
    await tab.getByTestId('add-hidden').click()
    await expect(tab.locator('[data-testid=peers] tbody tr')).toHaveCount(6)
    expect(await seriousViolations(tab)).toEqual([])
    const plain = await demo.plain()
    await plain.emulateMedia({ colorScheme })
    await expect(plain.locator('ringmesh-inspector tbody tr')).toHaveCount(7)
    expect(await seriousViolations(plain)).toEqual([])
  })
}

test('the inspector shows the mesh of a page under a strict policy, by keyboard too', async ({ demo }) => {
  const tab = await demo.tab()
  const plain = await demo.plain()
  const inspector = plain.locator('ringmesh-inspector')
  await expect(inspector.locator('tbody tr')).toHaveCount(3)
  const id = (await tab.locator('#app').getAttribute('data-peer')) ?? ''
  const peer = inspector.getByRole('button', { name: id.slice(0, 5) })
  await peer.focus()
  await expect(peer).toBeFocused()
  await plain.keyboard.press('Enter')
  await expect(peer).toHaveAttribute('aria-pressed', 'true')
  await expect(inspector.locator('.details')).toContainText(id)
  await expect(inspector.locator(`.forest [data-peer="${id}"]`)).toContainText('compute')
  await tab.getByTestId('leave').click()
  await expect(inspector.locator('tbody tr')).toHaveCount(2)
  await inspector.evaluate((element) => element.remove())
  await plain.evaluate(() => document.body.append(document.createElement('ringmesh-inspector')))
  await expect(plain.locator('ringmesh-inspector tbody tr')).toHaveCount(2)
})

/** What a page may say of all its elements: the inspector is to look and read the same. */
const hostile = `
  * {
    color: hotpink !important; background: lime !important; fill: red !important; stroke: red !important;
    font: italic small-caps 34px / 3 fantasy !important; letter-spacing: 0.5em !important;
    word-spacing: 1em !important; text-transform: uppercase !important; text-align: right !important;
    text-indent: 3em !important; text-shadow: 3px 3px red !important; white-space: nowrap !important;
    list-style: square !important; border-collapse: separate !important; cursor: none !important;
  }
  html { font-size: 62.5% !important; }
  svg, td, li { display: none !important; }
  section { float: left; width: 100px; }`

test('the inspector looks and reads the same in a page whose styles spare nothing', async ({ demo }) => {
  const plain = await demo.plain()
  const inspector = plain.locator('ringmesh-inspector')
  await expect(inspector.locator('tbody tr')).toHaveCount(2)
  // Within one task, so that nothing that the mesh tells comes between. No styles of a text: the page's
  // policy allows none, and a page may be as hostile by other ways.
  const [before, after] = await inspector.evaluate((element, text) => {
    const looks = (): (string | undefined)[][] =>
      [...(element.shadowRoot?.querySelectorAll('section, h2, td, th, li, text.name, b') ?? [])].map(
        (each) => {
          const style = getComputedStyle(each)
          return ['color', 'font', 'letterSpacing', 'textTransform', 'textAlign', 'whiteSpace', 'cursor'].map(
            (property) => style[property as 'color'],
          )
        },
      )
    const sheet = new CSSStyleSheet()
    sheet.replaceSync(text)
    const before = looks()
    document.adoptedStyleSheets = [sheet]
    return [before, looks()]
  }, hostile)
  expect(before?.length).toBeGreaterThan(10)
  expect(after).toEqual(before)
  await plain.evaluate(() =>
    document.adoptedStyleSheets[0]?.replaceSync('ringmesh-inspector { visibility: hidden }'),
  )
  await expect(inspector.locator('table')).toBeHidden()
})

test('the inspector is walked by keyboard, and every stop has a name', async ({ demo }) => {
  const plain = await demo.plain()
  await plain.setViewportSize({ width: 390, height: 844 })
  const inspector = plain.locator('ringmesh-inspector')
  await expect(inspector.locator('tbody tr')).toHaveCount(2)
  // So narrow that its table has to scroll.
  await inspector.evaluate((element) => {
    element.style.width = '180px'
  })
  expect(await seriousViolations(plain)).toEqual([])
  const stops: string[] = []
  for (let stop = 0; stop < 3; stop++) {
    await plain.keyboard.press('Tab')
    const name = await inspector.evaluate((element) =>
      element.shadowRoot?.activeElement?.getAttribute('aria-label'),
    )
    stops.push(name ?? 'without a name')
  }
  expect(stops).toEqual([
    expect.stringMatching(/^(this tab|edge .{5}), (tab|edge), alive, owns \d+\.\d % of the keys/),
    expect.stringMatching(/^(this tab|edge .{5}), (tab|edge), alive, owns \d+\.\d % of the keys/),
    'Table of peers',
  ])
})

test('the inspector is not loaded where it is not used', async ({ demo, context }) => {
  const page = await context.newPage()
  const loaded: string[] = []
  page.on('request', (request) => loaded.push(new URL(request.url()).pathname))
  await page.route('**/plain.html', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<script src="ringmesh.global.js"></script>' }),
  )
  await page.goto(`${demo.url}plain.html`)
  expect(await page.evaluate('typeof ringmesh.join')).toBe('function')
  expect(loaded).toContain('/ringmesh.global.js')
  expect(loaded).not.toContain('/ringmesh.inspector.js')
  await page.evaluate(() => document.body.append(document.createElement('ringmesh-inspector')))
  await expect(page.locator('ringmesh-inspector')).toContainText('in no mesh yet')
  expect(loaded).toContain('/ringmesh.inspector.js')
})

test('a tag that names a room joins it on load', async ({ demo, context }) => {
  const page = await context.newPage()
  await page.goto(`${demo.url}tagged.html`)
  expect(await page.evaluate('ringmesh.ready.then((mesh) => mesh.members().length)')).toBe(2)
  await expect(page.locator('ringmesh-inspector tbody tr')).toHaveCount(2)
})

test('two script tags give a warning, and the first stays', async ({ demo, context }) => {
  const page = await context.newPage()
  const warnings: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'warning') warnings.push(message.text())
  })
  const tag = '<script src="ringmesh.global.js"></script>'
  await page.route('**/twice.html', (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: `${tag}<script>window.first = ringmesh</script>${tag}`,
    }),
  )
  await page.goto(`${demo.url}twice.html`)
  expect(await page.evaluate('window.first === window.ringmesh')).toBe(true)
  // What a page says to its console is told beside what it evaluates to.
  await expect.poll(() => warnings.length).toBe(1)
  expect(warnings[0]).toContain('script tag twice')
})

test('a page without WebRTC loads the script tag, and joins through the server', async ({
  demo,
  context,
}) => {
  const page = await context.newPage()
  const errors: Error[] = []
  page.on('pageerror', (error) => errors.push(error))
  await page.addInitScript(() => {
    for (const name of [
      'RTCPeerConnection',
      'webkitRTCPeerConnection',
      'RTCSessionDescription',
      'RTCIceCandidate',
    ])
      Reflect.deleteProperty(globalThis, name)
  })
  await page.goto(`${demo.url}embed.html`)
  await expect(page.locator('#state')).toContainText('2 peers')
  await expect(page.locator('ringmesh-inspector tbody tr[data-kind=edge]')).toContainText('relay')
  expect(errors).toEqual([])
})

test('the script tag makes no code of text, and can be pinned by its hash', async ({ demo, context }) => {
  for (const file of [
    'ringmesh.global.js',
    'ringmesh.mesh.js',
    'ringmesh.inspector.js',
    'ringmesh.peerjs.js',
    'ringmesh.worker.js',
  ]) {
    const script = await readFile(built(file), 'utf8')
    expect(script.length).toBeGreaterThan(1_000)
    expect(script).not.toMatch(/\beval\s*\(|new\s+Function\b|\bFunction\s*\(/)
  }
  const hash = createHash('sha384')
    .update(await readFile(built('ringmesh.global.js')))
    .digest('base64')
  const page = await context.newPage()
  await page.route('**/pinned.html', (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: `<script src="ringmesh.global.js" integrity="sha384-${hash}"></script>`,
    }),
  )
  await page.goto(`${demo.url}pinned.html`)
  expect(await page.evaluate('typeof ringmesh.join')).toBe('function')
})

test('text goes into the picture as text alone', async () => {
  for (const room of ['picture', 'embed', 'demo', 'demo/view']) {
    const folder = new URL(`../src/${room}/`, import.meta.url)
    const files = (await readdir(folder)).filter((file) => /\.tsx?$/.test(file))
    expect(files.length).toBeGreaterThan(0)
    for (const file of files) {
      const source = await readFile(new URL(file, folder), 'utf8')
      expect(source, file).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc/i)
    }
  }
})
