import { defineConfig } from '@playwright/test'
import { findChromium } from './.ci/find-chromium.mjs'

const executablePath = await findChromium()

export default defineConfig({
  testDir: 'e2e',
  // Without the paths of the other one: the tests use the built package, as a user's would.
  tsconfig: './tsconfig.build.json',
  testIgnore: 'example/**',
  // Every test drives several tabs by itself; two at once would only make each slower.
  workers: 1,
  timeout: 90_000,
  expect: { timeout: 15_000 },
  reporter: 'list',
  forbidOnly: true,
  retries: 0,
  use: {
    browserName: 'chromium',
    launchOptions: {
      ...(executablePath ? { executablePath } : {}),
      args: [
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
})
