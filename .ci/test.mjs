// `npm test`: everything, in the order in which a failure is cheapest to find.
import process from 'node:process'
import { fail, installPackages, progress, requireChromium, requireNode, run } from './set-up.mjs'

requireNode()
installPackages()
const chromium = await requireChromium()

const steps = [
  ['format and lint', 'npx', ['biome', 'check', '.', '--error-on-warnings']],
  ['types', 'npx', ['tsc']],
  ['unit tests and simulation', 'npx', ['vitest', 'run']],
  ['build', 'npm', ['run', '--silent', 'build']],
  ['real browsers', 'npx', ['playwright', 'test']],
]
for (const [name, command, parameters] of steps) {
  progress(name)
  if (!run(command, parameters, { RINGMESH_CHROMIUM: chromium })) fail(`${name}: failed`)
}
process.exit(0)
