// Finds a Chromium that is installed already; installs nothing.
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import process from 'node:process'

const variables = ['RINGMESH_CHROMIUM', 'PLAYWRIGHT_CHROMIUM_EXECUTABLE_PATH', 'CHROME_PATH', 'CHROME_BIN']
const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome', 'microsoft-edge']
const applications = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
]

/**
 * The path of a Chromium: what an environment variable names, else Playwright's own, else the
 * system's. Undefined where there is none.
 * @returns {Promise<string | undefined>}
 */
export async function findChromium() {
  for (const variable of variables) {
    const path = process.env[variable]
    if (path && existsSync(path)) return path
  }
  const own = await import('playwright').then(
    ({ chromium }) => chromium.executablePath(),
    () => undefined,
  )
  if (own && existsSync(own)) return own
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of names) {
      const path = join(folder, name)
      if (folder && existsSync(path)) return path
    }
  }
  return applications.find((path) => existsSync(path))
}
