import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import sirv from 'sirv'
import { buildWorkers } from '../src/otp/testing/build-workers.js'

/** The contract of worker processes, which the unit tests run on worker_threads, here on Web Workers. */
test.describe('worker processes on Web Workers', () => {
  let server: Server
  let url = ''

  test.beforeAll(async () => {
    const folder = await buildWorkers(['counter', 'mute', 'page'])
    await writeFile(join(folder, 'syntax.mjs'), 'let let = 1 +')
    await writeFile(
      join(folder, 'index.html'),
      '<!doctype html><script type="module" src="/page.mjs"></script>',
    )
    server = createServer(sirv(folder, { dev: true }))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  })

  test.afterAll(() => new Promise<void>((resolve) => void server.close(() => resolve())))

  test('every case of the contract', async ({ page }) => {
    await page.goto(url)
    await page.waitForFunction(() => 'contract' in globalThis)
    const names = await page.evaluate(() => globalThis.contract.names)
    expect(names.length).toBeGreaterThan(15)
    for (const name of names) {
      await test.step(name, async () => {
        expect(await page.evaluate((each) => globalThis.contract.run(each), name)).toBe('passed')
      })
    }
  })
})
