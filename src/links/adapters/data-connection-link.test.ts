import { WebSocket } from 'ws'
import { systemRuntime } from '../../runtime/index.js'
import { decodeMessage, type PeerInfo } from '../../wire/index.js'
import type { DialedLink, OpenDirect } from '../direct-link.js'
import type { Signaling } from '../signaling.js'
import { type LinkPair, linkContract, type Recorder } from '../testing/link-contract.js'
import { peerjsInNode } from '../testing/peerjs-in-node.js'
import { stockPeerServer } from '../testing/stock-peer-server.js'
import { nodeRtc } from './node-rtc.js'
import { peerjsOn } from './peerjs.js'

const runtime = systemRuntime({ log: () => {} })

/** With the package, or without it as in Node. */
type Kind = typeof peerjsInNode | undefined

/** A link between `a`, which dials, and `b`, both in a room of a stock PeerServer. */
async function dialed(ofA: Kind, ofB: Kind, atA: Recorder, atB: Recorder): Promise<LinkPair> {
  const { port, stop } = await stockPeerServer()
  const platform = await nodeRtc()
  const places: Signaling[] = []
  const links: { a?: DialedLink; b?: DialedLink } = {}
  const join = async (id: 'a' | 'b', kind: Kind): Promise<OpenDirect> => {
    const place = peerjsOn(WebSocket, kind)({ host: '127.0.0.1', port }).open('room', runtime, platform)
    const self: PeerInfo = { id, kind: 'tab', weight: 1, host: id }
    await new Promise<void>((resolve, reject) => {
      places.push(
        place.signaling(self, {
          welcome: () => resolve(),
          refused: reject,
          joined: () => {},
          closed: () => {},
          offered: (_from, payload) => {
            const message = decodeMessage(payload)
            if (message.type === 'session.dial') links[id]?.signal(message.payload)
          },
          relayed: () => {},
          unreachable: () => {},
          lost: () => {},
        }),
      )
    })
    if (place.direct === undefined) throw new Error('node-datachannel is not installed')
    return place.direct
  }
  const [openA, openB] = await Promise.all([join('a', ofA), join('b', ofB)])
  const b = openB('a', false, [], () => {}, atB, 1)
  links.b = b
  const a = openA('b', true, [], () => {}, atA, 1)
  links.a = a
  return {
    a,
    b,
    stop: () => {
      for (const link of [a, b]) link.close('test over')
      for (const place of places) place.close(true)
      void stop()
    },
  }
}

linkContract('PeerJS, a DataConnection at both ends', (atA, atB) =>
  dialed(peerjsInNode, peerjsInNode, atA, atB),
)
linkContract('PeerJS, a DataConnection dialling Node', (atA, atB) =>
  dialed(peerjsInNode, undefined, atA, atB),
)
linkContract('PeerJS, Node dialling a DataConnection', (atA, atB) =>
  dialed(undefined, peerjsInNode, atA, atB),
)
