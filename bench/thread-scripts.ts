import { mkdtemp } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { build } from 'vite'

const require = createRequire(import.meta.url)

/** The benches run as a bundle in some depth of `node_modules`, so the place is found from there. */
const sources = join(dirname(require.resolve('vite/package.json')), '../../bench/workers')

/**
 * Bundles scripts of `bench/workers` for threads: `<name>.ts` becomes `<name>.mjs`.
 *
 * @returns the folder in which they lie; to be removed by the caller
 */
export async function buildThreadScripts(names: readonly string[]): Promise<string> {
  const outDir = await mkdtemp(join(tmpdir(), 'ringmesh-bench-'))
  await build({
    configFile: false,
    logLevel: 'silent',
    publicDir: false,
    ssr: { noExternal: true },
    build: {
      ssr: true,
      outDir,
      target: 'node20',
      rollupOptions: {
        input: Object.fromEntries(names.map((name) => [name, join(sources, `${name}.ts`)])),
        output: { entryFileNames: '[name].mjs', format: 'es' },
      },
    },
  })
  return outDir
}

/** The version of an installed package, for the name of a peer in a table. */
export function versionOf(name: string): string {
  return (require(`${name}/package.json`) as { version: string }).version
}
