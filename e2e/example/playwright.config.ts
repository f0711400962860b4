import { defineConfig } from '@playwright/test'

const executablePath = process.env.RINGMESH_CHROMIUM

export default defineConfig({
  testDir: 'tests',
  workers: 1,
  timeout: 90_000,
  use: {
    browserName: 'chromium',
    launchOptions: {
      ...(executablePath ? { executablePath } : {}),
      args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
    },
  },
})
