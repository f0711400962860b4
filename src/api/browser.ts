import { hasWebRtc, rtc } from '../links/adapters/rtc.js'
import type { StandardWebSocket } from '../links/adapters/standard-web-socket.js'
import { webSocketSignaling } from '../links/adapters/websocket-signaling.js'
import { followPage } from '../membership/adapters/page-lifecycle.js'
import { type Runtime, randomId } from '../runtime/index.js'
import { indexedDbPersistence } from '../store/adapters/indexed-db.js'
import type { Platform } from './platform.js'

/** Where the id of this browser is kept, so that all its tabs are one failure domain. */
const hostKey = 'ringmesh.host'

/** A tab of a browser. */
export const browserPlatform: Platform = {
  kind: 'tab',
  weight: 1,
  cores: globalThis.navigator?.hardwareConcurrency ?? 1,
  host: browserHost,
  openDirect: async (iceTransportPolicy) => (hasWebRtc() ? rtc({ iceTransportPolicy }) : undefined),
  signaling: (settings) =>
    webSocketSignaling({
      ...settings,
      WebSocket: WebSocket as new (url: string, protocols: string[]) => StandardWebSocket,
    }),
  persistence: (room, page) => indexedDbPersistence({ room, page }),
  openFolder: async () => {
    throw new Error('a browser has no folders')
  },
  follow: followPage,
}

function browserHost(runtime: Runtime): string {
  try {
    const known = localStorage.getItem(hostKey)
    if (known !== null && /^[\w-]{1,64}$/.test(known)) return known
    const fresh = randomId(runtime)
    localStorage.setItem(hostKey, fresh)
    return fresh
  } catch {
    // Storage may be forbidden: the tab then counts as a browser of its own.
    return randomId(runtime)
  }
}
