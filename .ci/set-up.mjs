// What a fresh clone needs before it can start or test: a Node that is new enough, the packages of
// the lock file and, for the tests, a Chromium.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { findChromium } from './find-chromium.mjs'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
const isWindows = process.platform === 'win32'

/** Ends with one line, as every failure of a command here does. */
export function fail(line) {
  console.error(`ringmesh: ${line}`)
  process.exit(1)
}

/** Says what is being done, on a terminal only. */
export function progress(line) {
  if (process.stderr.isTTY) console.error(`ringmesh: ${line}`)
}

/** Runs a command in the project's folder with its output shown; false where it failed. */
export function run(command, parameters, environment = {}) {
  const { status, signal } = spawnSync(command, parameters, {
    cwd: root,
    stdio: 'inherit',
    shell: isWindows,
    env: { ...process.env, ...environment },
  })
  if (signal) process.kill(process.pid, signal)
  return status === 0
}

/** Runs a command without showing what it prints; answers that, and whether it went well. */
function runQuietly(command, parameters) {
  const { status, stdout, stderr } = spawnSync(command, parameters, {
    cwd: root,
    encoding: 'utf8',
    shell: isWindows,
  })
  return { ok: status === 0, output: `${stdout ?? ''}${stderr ?? ''}` }
}

export function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  // Vite 8 needs 20.19 of the 20 line and 22.12 of the 22 line; odd lines are not supported by it.
  const isEnough = (major === 20 && minor >= 19) || (major === 22 && minor >= 12) || major >= 24
  if (!isEnough)
    fail(`Node ${process.versions.node} is too old or of an odd line: install Node 20.19, 22.12 or newer`)
}

/** Installs the packages of the lock file where they are missing or the lock file has changed since. */
export function installPackages() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  const stamp = join(root, 'node_modules', '.ringmesh-lock')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  progress('installing packages')
  const { ok, output } = runQuietly('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'])
  if (!ok) {
    console.error(output)
    fail('npm ci failed; what it printed stands above')
  }
  writeFileSync(stamp, lock)
}

/** The path of a Chromium, installed where there was none. */
export async function requireChromium() {
  const found = await findChromium()
  if (found) return found
  progress('installing Chromium by Playwright')
  if (runQuietly('npx', ['playwright', 'install', 'chromium']).ok) {
    const installed = await findChromium()
    if (installed) return installed
  }
  progress('installing Chromium by apt-get')
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n']
  for (const parameters of [['update'], ['install', '-y', '--no-install-recommends', 'chromium']]) {
    const [command, ...rest] = [...asRoot, 'apt-get', ...parameters]
    runQuietly(command, rest)
  }
  const installed = await findChromium()
  if (!installed) {
    fail('no Chromium found and none could be installed: install one, or name it in RINGMESH_CHROMIUM')
  }
  return installed
}
