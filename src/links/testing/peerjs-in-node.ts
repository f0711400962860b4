import { createRequire } from 'node:module'
import type * as Peerjs from 'peerjs'
import { WebSocket } from 'ws'
import type { PeerjsPackage } from '../adapters/load-peerjs.js'
import { loadWrtc } from '../adapters/node-rtc.js'
import { peerjsClients } from '../adapters/peerjs-client.js'

/** A browser's does not throw at an error that nobody listens to. */
class BrowserLikeWebSocket extends WebSocket {
  constructor(url: string) {
    super(url)
    this.on('error', () => {})
  }
}

/**
 * The package `peerjs` itself in Node, which finds as global what it finds in a browser: the
 * WebSocket of `ws` and the WebRTC of node-datachannel.
 */
export async function peerjsInNode(): Promise<PeerjsPackage> {
  const wrtc = await loadWrtc()
  if (wrtc === undefined) throw new Error('node-datachannel is not installed')
  Object.assign(globalThis, wrtc, { WebSocket: BrowserLikeWebSocket })
  const { Peer, util } = createRequire(import.meta.url)('peerjs') as typeof Peerjs
  return { Peer, util, peerjsClients }
}
