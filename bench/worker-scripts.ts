import { mkdtemp } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { build } from 'vite'

const require = createRequire(import.meta.url)

/** The benches run as a bundle in some depth of `node_modules`, so the place is found from there. */
const packages = join(dirname(require.resolve('vite/package.json')), '..')
const sources = join(packages, '../bench/workers')

/**
 * Bundles scripts of `bench/workers`: `<name>.ts` becomes `<name>.mjs`.
 *
 * @param standAlone - with every package inside; without, they find packages as those who installed them do
 * @returns the folder in which they lie; to be removed by the caller
 */
export async function buildWorkerScripts(
  names: readonly string[],
  { standAlone }: { readonly standAlone: boolean },
): Promise<string> {
  // Within `node_modules` what stays outside the bundle is found.
  const outDir = await mkdtemp(standAlone ? join(tmpdir(), 'ringmesh-bench-') : join(packages, '.bench-'))
  await build({
    configFile: false,
    logLevel: 'silent',
    publicDir: false,
    ...(standAlone && { ssr: { noExternal: true } }),
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
  // By its path, as not every package lets its own be asked for by name.
  return (require(join(packages, name, 'package.json')) as { version: string }).version
}
