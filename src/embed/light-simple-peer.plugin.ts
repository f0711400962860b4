import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'
import { leaveOutMembers } from './leave-out-members.js'

/** Members of simple-peer that links do not use (src/links/adapters/rtc.ts): media, its stream, its debug output. */
const unused = [
  'addStream',
  'addTrack',
  'addTransceiver',
  'address',
  'bufferSize',
  'removeStream',
  'removeTrack',
  'replaceTrack',
  'send',
  '_debug',
  '_onTrack',
  '_read',
  '_requestMissingTransceivers',
  '_write',
]

/** What simple-peer takes from packages, and who stands in for them. */
const standIns = [
  'buffer',
  'err-code',
  'get-browser-rtc',
  'queue-microtask',
  'randombytes',
  'readable-stream',
]

/**
 * Bundles the part of simple-peer's own source that links use, as a module, with light stand-ins for what it takes
 * from Node: a seventh of the bytes of its minified file, which has Node's streams inside.
 */
export function lightSimplePeer(): Plugin {
  return {
    name: 'ringmesh-light-simple-peer',
    enforce: 'pre',
    config: () => ({
      resolve: {
        alias: [
          { find: 'simple-peer/simplepeer.min.js', replacement: 'simple-peer/index.js' },
          ...standIns.map((name) => ({
            find: new RegExp(`^${name}$`),
            replacement: fileURLToPath(new URL(`./stand-ins/${name}.ts`, import.meta.url)),
          })),
        ],
      },
    }),
    transform: {
      filter: { id: /\/simple-peer\/index\.js$/ },
      handler: (source) => ({ code: asModule(leaveOutMembers(source, unused)), map: null }),
    },
  }
}

/** CommonJS as simple-peer writes it, as a module; a bundler carries helpers along for the former. */
function asModule(source: string): string {
  const code = source
    .replace(/^const debug = .*$/m, '')
    .replace(/^const (\w+|\{ Buffer \}) = require\('([\w-]+)'\)/gm, "import $1 from '$2'")
    .replace(/^module\.exports = /m, 'export default ')
  if (/\brequire\(|\bmodule\./.test(code)) throw new Error('simple-peer is not written as it was')
  return code
}
