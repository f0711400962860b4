// `npm start`: builds what has changed and serves the demo.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { fail, installPackages, progress, requireNode, root, run } from './set-up.mjs'

requireNode()
installPackages()
if (isStale()) {
  progress('building')
  if (!run('npm', ['run', '--silent', 'build'])) fail('the build failed; what it printed stands above')
}
const demo = spawn(process.execPath, [join(root, 'dist/serve-demo.js'), ...process.argv.slice(2)], {
  stdio: 'inherit',
})
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => demo.kill(signal))
// npm that is ended by a signal does not pass it on: without it nobody would know of the demo that holds the port.
if (process.env.npm_lifecycle_event !== undefined) {
  const npm = process.ppid
  setInterval(() => process.ppid === npm || demo.kill('SIGTERM'), 1_000).unref()
}
demo.on('exit', (code, signal) => process.exit(signal ? 0 : (code ?? 1)))

/** Whether anything that the build reads is newer than what it last made. */
function isStale() {
  const built = join(root, 'dist/build-complete')
  if (!existsSync(built)) return true
  const made = statSync(built).mtimeMs
  return ['src', 'signaling', 'public', 'vite.config.ts', 'package.json'].some((path) =>
    isNewer(join(root, path), made),
  )
}

function isNewer(path, time) {
  const status = statSync(path)
  if (status.mtimeMs > time) return true
  return status.isDirectory() && readdirSync(path).some((name) => isNewer(join(path, name), time))
}
