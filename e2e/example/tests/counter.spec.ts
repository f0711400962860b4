import { test as base, expect } from 'ringmesh/playwright'
import { servePage } from './page-server.js'

// The fixture's tabs open the page under test instead of a blank one.
const test = base.extend({
  ringmesh: async ({}, use) => {
    const server = await servePage()
    await use({ url: server.url, room: 'counter' })
    server.stop()
  },
})

test('a click in one tab is seen in the others, and outlives the tab', async ({ cluster }) => {
  const [first, second, third] = await cluster.tabs(3)
  await first.page.click('#more')
  await second.page.click('#more')
  await expect(third.page.locator('#count')).toHaveText('2')
  await first.crash()
  await cluster.settled()
  await third.page.click('#more')
  await expect(second.page.locator('#count')).toHaveText('3')
})

test('both sides of a partition count, and no click is lost', async ({ cluster }) => {
  const [first, second, third, fourth] = await cluster.tabs(4)
  await cluster.partition([first, second], [third, fourth])
  // Each side goes on alone only when it holds the other for dead.
  for (const tab of [first, third]) {
    await expect
      .poll(() => tab.evaluate((mesh) => mesh.members().length), { timeout: 60_000 })
      .toBe(2)
    await tab.page.click('#more')
    await expect(tab.page.locator('#count')).toHaveText('1')
  }
  await cluster.heal()
  await cluster.settled()
  for (const tab of [first, second, third, fourth]) {
    await expect(tab.page.locator('#count')).toHaveText('2')
  }
})
