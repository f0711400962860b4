/**
 * Runs in each of many tabs: makes the full mesh of them with bare RTCPeerConnections or with
 * ringmesh's links, both signalled over the same BroadcastChannel.
 */
import { rtc } from '../../src/links/adapters/rtc.js'
import { Links } from '../../src/links/index.js'
import { systemRuntime } from '../../src/runtime/index.js'

const self = location.hash.slice(1)

/**
 * Connects to all of `ids`, signalling over `hub`. `formed` is called when the last connection stands.
 *
 * @returns what closes them all
 */
type Form = (ids: readonly string[], hub: BroadcastChannel, formed: () => void) => () => void

const now = (): number => performance.timeOrigin + performance.now()

const bare: Form = (ids, hub, formed) => {
  const connections = new Map<string, RTCPeerConnection>()
  let open = 0
  for (const to of ids) {
    if (to === self) continue
    const connection = new RTCPeerConnection()
    connections.set(to, connection)
    connection.onicecandidate = ({ candidate }) => {
      if (candidate) hub.postMessage({ to, from: self, candidate: candidate.toJSON() })
    }
    connection.createDataChannel('mesh', { negotiated: true, id: 0 }).onopen = () => {
      if (++open === ids.length - 1) formed()
    }
  }
  const describe = async (to: string, connection: RTCPeerConnection): Promise<void> => {
    await connection.setLocalDescription()
    hub.postMessage({ to, from: self, description: connection.localDescription?.toJSON() })
  }
  const early = new Map<string, RTCIceCandidateInit[]>()
  hub.onmessage = async ({ data }) => {
    const connection = data.to === self ? connections.get(data.from) : undefined
    if (connection === undefined) return
    if (data.candidate && connection.remoteDescription) await connection.addIceCandidate(data.candidate)
    else if (data.candidate) early.set(data.from, [...(early.get(data.from) ?? []), data.candidate])
    if (data.description) {
      await connection.setRemoteDescription(data.description)
      for (const candidate of early.get(data.from) ?? []) await connection.addIceCandidate(candidate)
      if (self > data.from) await describe(data.from, connection)
    }
  }
  for (const [to, connection] of connections) if (self < to) void describe(to, connection)
  return () => {
    for (const connection of connections.values()) connection.close()
  }
}

const ringmesh: Form = (ids, hub, formed) => {
  let open = 0
  const links = new Links({
    runtime: systemRuntime(),
    self: { id: self, kind: 'tab', weight: 1, host: self },
    direct: rtc(),
    relay: 'never',
    signaling: {
      connected: true,
      buffered: 0,
      sendOffer: (to, payload) => hub.postMessage({ to, from: self, payload }),
      relay: () => {},
    },
    events: {
      message: () => {},
      opened: () => {
        if (++open === ids.length - 1) formed()
      },
      changed: () => {},
      interrupted: () => {},
    },
  })
  hub.onmessage = ({ data }) => {
    if (data.to === self) links.offered(data.from, data.payload)
  }
  links.signalingConnected([])
  for (const id of ids) links.connect(id)
  return () => links.close()
}

const ways: Readonly<Record<string, Form>> = { bare, ringmesh }
let close = (): void => {}

Object.assign(window, {
  /** Forms the mesh as soon as the clock says `start`, in milliseconds since 1970; gives when it stood. */
  async form(way: string, ids: readonly string[], start: number) {
    const hub = new BroadcastChannel(way)
    const early: MessageEvent[] = []
    hub.onmessage = (event) => early.push(event)
    await new Promise((resolve) => setTimeout(resolve, start - now()))
    return new Promise<number>((resolve) => {
      const end = (ways[way] as Form)(ids, hub, () => resolve(now()))
      close = () => {
        end()
        hub.close()
      }
      // What tabs said whose clocks struck a moment sooner.
      for (const event of early) hub.onmessage?.(event)
    })
  },
  part: () => close(),
})
