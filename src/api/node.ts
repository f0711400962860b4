import { createHash } from 'node:crypto'
import { availableParallelism, hostname } from 'node:os'
import { resolve } from 'node:path'
import { WebSocket } from 'ws'
import { nodeRtc } from '../links/adapters/node-rtc.js'
import { webSocketSignaling } from '../links/adapters/websocket-signaling.js'
import type { Platform } from './platform.js'
import { toldSignaling } from './told-signaling.js'

/** Hexadecimal characters of the machine's name, hashed: enough that no two machines of a room share them. */
const hostLength = 20

/** A process of Node: an edge worker. */
export const nodePlatform: Platform = {
  kind: 'edge',
  weight: 4,
  cores: availableParallelism(),
  // All processes of one machine fail together.
  host: () => createHash('sha256').update(hostname()).digest('hex').slice(0, hostLength),
  openDirect: (iceTransportPolicy) => nodeRtc({ iceTransportPolicy }),
  // Not in a page, whose visitor can do nothing about its server.
  signaling: (settings) => toldSignaling(webSocketSignaling({ ...settings, WebSocket }), settings.runtime),
  persistence: () => undefined,
  // Loaded here only: a dependency that may be missing where nothing is kept.
  openFolder: async (folder) => {
    const { levelPersistence } = await import('../store/adapters/level.js')
    return levelPersistence({ directory: resolve(folder) })
  },
  follow: () => () => {},
}
