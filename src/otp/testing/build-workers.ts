import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const sources = fileURLToPath(new URL('../../../e2e/workers/', import.meta.url))

/** Bundles the tests' worker scripts, as a page's bundler would; returns the folder they are in. */
export async function buildWorkers(names: readonly string[]): Promise<string> {
  const outDir = await mkdtemp(join(tmpdir(), 'ringmesh-workers-'))
  await build({
    configFile: false,
    logLevel: 'silent',
    publicDir: false,
    build: {
      outDir,
      target: 'es2022',
      minify: false,
      rollupOptions: {
        input: Object.fromEntries(names.map((name) => [name, join(sources, `${name}.ts`)])),
        output: { entryFileNames: '[name].mjs', format: 'es' },
      },
    },
  })
  return outDir
}
