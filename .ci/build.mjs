// `npm run build`: the library with its types, the script tag, and the demo, into dist/.
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fail, installPackages, progress, requireNode, root, run } from './set-up.mjs'

requireNode()
// A fresh clone; what else may be missing, `npm start` and `npm test` look for.
if (!existsSync(join(root, 'node_modules'))) installPackages()

rmSync(join(root, 'dist'), { recursive: true, force: true })
const steps = [
  ['library', 'npx', ['vite', 'build', '--mode', 'library', '--logLevel', 'warn']],
  ['inspector', 'npx', ['vite', 'build', '--mode', 'inspector', '--logLevel', 'warn']],
  ['peerjs', 'npx', ['vite', 'build', '--mode', 'peerjs', '--logLevel', 'warn']],
  ['worker script', 'npx', ['vite', 'build', '--mode', 'worker-script', '--logLevel', 'warn']],
  // After the files whose hashes it knows.
  ['script tag', 'npx', ['vite', 'build', '--mode', 'script-tag', '--logLevel', 'warn']],
  ['demo', 'npx', ['vite', 'build', '--mode', 'demo', '--logLevel', 'warn']],
  ['types', 'npx', ['tsc', '-p', 'tsconfig.build.json']],
]
for (const [name, command, parameters] of steps) {
  progress(`building: ${name}`)
  if (!run(command, parameters)) fail(`building the ${name} failed; what it printed stands above`)
}
writeFileSync(join(root, 'dist/build-complete'), '')
