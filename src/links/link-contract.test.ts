import { WebSocket } from 'ws'
import { systemRuntime } from '../runtime/index.js'
import type { PeerInfo } from '../wire/index.js'
import { MemoryNetwork } from './adapters/memory.js'
import { nodeRtc } from './adapters/node-rtc.js'
import { peerjsOn } from './adapters/peerjs.js'
import type { DialedLink, OpenDirect } from './direct-link.js'
import { RelayLink } from './relay-link.js'
import type { OpenSignaling, Signaling } from './signaling.js'
import { type LinkPair, linkContract, type Recorder } from './testing/link-contract.js'
import { stockPeerServer } from './testing/stock-peer-server.js'

const runtime = systemRuntime({ log: () => {} })

/** Both ends of a dial, joined by a perfect signalling service. */
function dialed(openA: OpenDirect, openB: OpenDirect, atA: Recorder, atB: Recorder): LinkPair {
  const ends: { a?: DialedLink; b?: DialedLink } = {}
  ends.b = openB('a', false, [], (payload) => ends.a?.signal(payload), atB, 1)
  ends.a = openA('b', true, [], (payload) => ends.b?.signal(payload), atA, 1)
  const { a, b } = ends
  return {
    a,
    b,
    stop: () => {
      a.close('test over')
      b.close('test over')
    },
  }
}

linkContract('memory', async (atA, atB) => {
  const network = new MemoryNetwork(runtime)
  return dialed(network.direct('a'), network.direct('b'), atA, atB)
})

linkContract('memory, at a limited rate', async (atA, atB) => {
  const network = new MemoryNetwork(runtime, { bytesPerMillisecond: 10_000 })
  return dialed(network.direct('a'), network.direct('b'), atA, atB)
})

linkContract('WebRTC in Node', async (atA, atB) => {
  const direct = await nodeRtc()
  if (direct === undefined) throw new Error('node-datachannel is not installed')
  return dialed(direct, direct, atA, atB)
})

/** Two peers in a room, and a relay link between them. */
async function relayed(
  open: (self: PeerInfo) => OpenSignaling,
  atA: Recorder,
  atB: Recorder,
  stop: () => void,
): Promise<LinkPair> {
  const links: { a?: RelayLink; b?: RelayLink } = {}
  const places: Signaling[] = []
  const join = (id: 'a' | 'b', other: string, recorder: Recorder): Promise<void> =>
    new Promise((resolve) => {
      const self: PeerInfo = { id, kind: 'tab', weight: 1, host: id }
      const place = open(self)(self, {
        welcome: () => resolve(),
        refused: (error) => {
          throw error
        },
        joined: () => {},
        closed: () => {},
        offered: () => {},
        relayed: (_from, frame) => links[id]?.receive(frame),
        unreachable: () => {},
        lost: () => {},
      })
      places.push(place)
      links[id] = new RelayLink(runtime, place, other, recorder)
    })
  await Promise.all([join('a', 'b', atA), join('b', 'a', atB)])
  const { a, b } = links
  if (a === undefined || b === undefined) throw new Error('no links')
  return {
    a,
    b,
    stop: () => {
      for (const place of places) place.close(true)
      stop()
    },
  }
}

linkContract(
  'relay, in memory',
  async (atA, atB) => {
    const network = new MemoryNetwork(runtime)
    return relayed(
      () => network.signaling('room'),
      atA,
      atB,
      () => {},
    )
  },
  { closesBoth: false },
)

linkContract(
  'relay, through a stock PeerServer',
  async (atA, atB) => {
    const { port, stop } = await stockPeerServer()
    const service = peerjsOn(WebSocket)({ host: '127.0.0.1', port })
    return relayed(
      () => service.open('room', runtime, undefined).signaling,
      atA,
      atB,
      () => void stop(),
    )
  },
  { closesBoth: false },
)
