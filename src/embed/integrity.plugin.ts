import { createHash } from 'node:crypto'
import type { Plugin } from 'vite'

/** Prints what a page puts into `integrity="…"` of the tag that loads the file (Subresource Integrity, W3C). */
export function printIntegrity(): Plugin {
  return {
    name: 'ringmesh-integrity',
    writeBundle(_, bundle) {
      for (const file of Object.values(bundle)) {
        if (file.type !== 'chunk') continue
        const hash = createHash('sha384').update(file.code).digest('base64')
        console.log(`${file.fileName}: integrity="sha384-${hash}"`)
      }
    },
  }
}
