// `npm run docs`: the API reference, out of the doc comments, into dist/docs.
import { existsSync } from 'node:fs'
import { register } from 'node:module'
import { join } from 'node:path'
import { fail, installPackages, progress, requireNode, root } from './set-up.mjs'

requireNode()
// A fresh clone; what else may be missing, `npm start` and `npm test` look for.
if (!existsSync(join(root, 'node_modules'))) installPackages()

// typedoc needs the API of the TypeScript compiler in JavaScript, which TypeScript 7 does not have.
register(
  `data:text/javascript,${encodeURIComponent(`
    export const resolve = (name, context, next) =>
      next(name.replace(/^typescript(?=$|\\/)/, 'typescript-for-docs'), context)`)}`,
)
const { Application } = await import('typedoc')

progress('reading the doc comments')
const app = await Application.bootstrapWithPlugins({
  name: 'ringmesh',
  readme: join(root, 'README.md'),
  entryPoints: ['src/index.ts', 'src/worker.ts', 'src/playwright/index.ts', 'src/sim/index.ts'].map((path) =>
    join(root, path),
  ),
  tsconfig: join(root, 'tsconfig.build.json'),
  out: join(root, 'dist/docs'),
  excludeInternal: true,
  excludePrivate: true,
  disableSources: true,
  logLevel: 'Warn',
})
const project = await app.convert()
if (project === undefined) fail('the doc comments cannot be read; what is wrong stands above')
await app.generateOutputs(project)
if (app.logger.hasErrors() || app.logger.hasWarnings())
  fail('the reference has gaps or dead links; what is wrong stands above')
console.log('dist/docs/index.html')
