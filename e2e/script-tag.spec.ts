import type { Mesh } from '../src/index.js'
import { crash, expect, test } from './support/demo.js'
import type { Page } from '@playwright/test'

declare global {
  interface Window {
    mesh: Mesh
  }
}

const viewOf = (page: Page): Promise<string> => page.evaluate(() => window.mesh.view)
const aliveIn = (page: Page): Promise<number> =>
  page.evaluate(() => window.mesh.members().filter(({ state }) => state === 'alive').length)

async function settled(pages: readonly Page[], peers: number): Promise<void> {
  await expect
    .poll(async () => {
      const views = await Promise.all(pages.map(viewOf))
      const counts = await Promise.all(pages.map(aliveIn))
      return new Set(views).size === 1 && counts.every((count) => count === peers)
    }, { message: `${peers} peers with one view` })
    .toBe(true)
}

test('a blank page with the script tag joins the room of the demo', async ({ demo }) => {
  const tab = await demo.tab()
  const plain = await demo.plain()
  await settled([plain], 3)
  await expect(tab.locator('[data-testid=peers] tr[data-state=alive]')).toHaveCount(3)
})

test('one of five peers crashes: equal views in under five seconds, and every key that was put is read', async ({ demo }) => {
  const pages = [await demo.plain(), await demo.plain(), await demo.plain(), await demo.plain()]
  await settled(pages, 5)
  const [first, second, third, fourth] = pages as [Page, Page, Page, Page]
  await second.evaluate(async () => {
    const store = window.mesh.store('kept', { replicas: 3, writes: 2 })
    await Promise.all(Array.from({ length: 200 }, (_, index) => store.put(`key-${index}`, { index })))
  })

  await crash(fourth)
  const start = Date.now()
  const survivors = [first, second, third]
  await settled(survivors, 4)
  expect(Date.now() - start).toBeLessThan(5000)

  for (const page of survivors) {
    const values = await page.evaluate(async () => {
      const store = window.mesh.store<{ index: number }>('kept', { replicas: 3, writes: 2 })
      return Promise.all(Array.from({ length: 200 }, async (_, index) => (await store.get(`key-${index}`))?.index))
    })
    expect(values).toEqual(Array.from({ length: 200 }, (_, index) => index))
  }
})

test('bad options are refused with an error that names the option and the value', async ({ demo }) => {
  const page = await demo.plain()
  const attempt = (options: unknown) =>
    page.evaluate(
      (given) =>
        (window as unknown as { ringmesh: { join(options: unknown): Promise<unknown> } }).ringmesh.join(given).then(
          () => 'joined',
          (error: Error) => `${error.name}: ${error.message}`,
        ),
      options,
    )
  const signal = `${demo.url.replace('http', 'ws')}signal`
  expect(await attempt({ signal, room: '' })).toBe('InvalidOption: join.room: must not be empty, but got ""')
  expect(await attempt({ signal, room: 'r', colour: 'red' })).toContain('join.colour: is not an option here')
  expect(await attempt({ signal: 'nowhere', room: 'r' })).toContain('join.signal: must be')
  expect(await attempt({ signal, room: 'r', weight: -1 })).toContain('join.weight: must be from 0 to 1000, but got -1')
  expect(await attempt({ signal: `${demo.url}sample.txt`, room: 'r', timeout: 3000 })).toContain('SignalUnreachable')
})
