import { fileURLToPath } from 'node:url'

const standIn = (name: string): string => fileURLToPath(new URL(`./stand-ins/${name}`, import.meta.url))

/**
 * Aliases for Vite that bundle simple-peer's own source, with light stand-ins for what it takes from Node: a quarter
 * of the bytes of its minified file, which has Node's streams inside.
 */
export const lightSimplePeer = [
  { find: 'simple-peer/simplepeer.min.js', replacement: 'simple-peer/index.js' },
  { find: /^readable-stream$/, replacement: standIn('readable-stream.ts') },
  { find: /^buffer$/, replacement: standIn('buffer.ts') },
  { find: /^debug$/, replacement: standIn('debug.cjs') },
  { find: /^randombytes$/, replacement: standIn('randombytes.cjs') },
]
