import type { Plugin } from 'vite'
import { sharedAs, sharedParts } from './shared-parts.js'

/** Has a file take from the script tag of its page what both use, instead of bundling it again. */
export function takeSharedParts(): Plugin {
  return {
    name: 'ringmesh-shared-parts',
    load: {
      filter: { id: /\/src\/(errors|runtime|wire)\/index\.ts$/ },
      handler(id) {
        const room = id.split('/').at(-2) as keyof typeof sharedParts
        const page = `globalThis.ringmesh[Symbol.for('${sharedAs.description}')]`
        return {
          code: `export const { ${Object.keys(sharedParts[room])} } = ${page}.${room}`,
          moduleType: 'js',
        }
      },
    },
  }
}
