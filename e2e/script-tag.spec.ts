import type { Page } from '@playwright/test'
import { expect, test } from './support/demo.js'

test('a blank page with the script tag joins the room of the demo', async ({ demo }) => {
  const tab = await demo.tab()
  const plain = await demo.plain()
  await expect(plain.locator('#state')).toContainText('3 peers')
  await expect(tab.locator('[data-testid=peers] tr[data-state=alive]')).toHaveCount(3)
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
