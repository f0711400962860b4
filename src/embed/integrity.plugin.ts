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
