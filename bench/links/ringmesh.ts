import { rtc } from '../../src/links/adapters/rtc.js'
import { Links, type Signaling } from '../../src/links/index.js'
import { systemRuntime } from '../../src/runtime/index.js'
import type { PeerInfo } from '../../src/wire/index.js'
import { bothHere, other, role, type Transport } from './transport.js'

const info = (id: string): PeerInfo => ({ id, kind: 'tab', weight: 1, host: id })

/** Ringmesh's links over WebRTC, signalled over a BroadcastChannel. */
export async function ringmesh(): Promise<Transport> {
  const hub = new BroadcastChannel('ringmesh')
  const signaling: Pick<Signaling, 'connected' | 'sendOffer' | 'relay' | 'buffered'> = {
    connected: true,
    buffered: 0,
    sendOffer: (to, payload) => hub.postMessage({ to, payload }),
    relay: () => {},
  }
  hub.onmessage = ({ data }) => {
    if (data.to !== role) return
    if (data.payload) links.offered(other, data.payload)
    if (data.ready) links.connect(other)
  }
  let wake = (): void => {}
  let opened = (): void => {}
  const open = new Promise<void>((resolve) => {
    opened = resolve
  })
  const links = new Links({
    runtime: systemRuntime(),
    self: info(role),
    direct: rtc(),
    relay: 'never',
    signaling,
    events: {
      message: (_from, message) => {
        if (message.type === 'mesh.user') transport.receive(message.body)
      },
      opened: () => opened(),
      changed: () => {},
      interrupted: () => {},
      drained: () => wake(),
    },
  })
  const transport: Transport = {
    send: (bytes, priority) =>
      links.send(other, { type: 'mesh.user', body: bytes as Uint8Array<ArrayBuffer> }, priority),
    room: () =>
      new Promise((resolve) => {
        wake = resolve
      }),
    receive: () => {},
  }
  links.signalingConnected([])
  await bothHere('ringmesh')
  if (role === 'b') {
    links.connect(other)
    hub.postMessage({ to: other, ready: true })
  }
  await open
  return transport
}
