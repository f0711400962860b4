import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'vite'
import { integrityOf } from './classic-scripts.plugin.js'

/** Prints what a page puts into `integrity="…"` of the tag that loads the file (Subresource Integrity, W3C). */
export function printIntegrity(): Plugin {
  return {
    name: 'ringmesh-integrity',
    writeBundle(_, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== 'chunk') continue
        console.log(`${file.fileName}: integrity="${integrityOf(file.code)}"`)
      }
    },
  }
}

/**
 * Puts the hashes of files that were built before into the code.
 *
 * @param files - their names in the folder of the build, by the constant of the code that stands for the hash
 */
export function knowIntegrity(files: Readonly<Record<string, string>>): Plugin {
  return {
    name: 'ringmesh-known-integrity',
    config: ({ root = '.', build: { outDir = 'dist' } = {} }) => ({
      define: Object.fromEntries(
        Object.entries(files).map(([constant, file]) => [
          constant,
          JSON.stringify(integrityOf(readFileSync(join(root, outDir, file), 'utf8'))),
        ]),
      ),
    }),
  }
}
