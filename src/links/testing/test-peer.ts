import type { Runtime } from '../../runtime/index.js'
import { type Message, type PeerInfo, packValue, unpackValue } from '../../wire/index.js'
import type { MemoryNetwork } from '../adapters/memory.js'
import { Links } from '../links.js'
import type { Signaling } from '../signaling.js'
import type { RelayPolicy } from '../surroundings.js'

export function peer(id: string): PeerInfo {
  return { id, kind: 'tab', weight: 1, host: id }
}

/** A peer with its links and its place in the room, that connects to whomever it hears of. */
export class TestPeer {
  readonly links: Links
  readonly signaling: Signaling
  readonly log: string[] = []
  readonly received: unknown[] = []
  onValue = (value: unknown): void => {
    this.received.push(value)
  }

  constructor(
    readonly id: string,
    runtime: Runtime,
    network: MemoryNetwork,
    options: { relay?: RelayPolicy; direct?: boolean } = {},
  ) {
    this.signaling = network.signaling('room')(peer(id), {
      welcome: (peers, iceServers) => {
        for (const other of peers) this.links.connect(other.id)
        this.links.signalingConnected(iceServers)
      },
      refused: (error) => this.log.push(`refused ${error.name}`),
      joined: (other) => this.links.connect(other.id),
      closed: () => {},
      offered: (from, payload) => this.links.offered(from, payload),
      relayed: (from, frame) => this.links.relayed(from, frame),
      unreachable: () => {},
      lost: () => this.links.signalingLost(),
    })
    this.links = new Links({
      runtime,
      self: peer(id),
      direct: options.direct === false ? undefined : network.direct(id),
      relay: options.relay ?? 'fallback',
      signaling: this.signaling,
      events: {
        message: (_from, message) => {
          if (message.type === 'mesh.user') this.onValue(unpackValue(message.body))
        },
        opened: (other) => this.log.push(`opened ${other}`),
        changed: (other, kind) => this.log.push(`changed ${other} ${kind}`),
        interrupted: (other) => this.log.push(`interrupted ${other}`),
        drained: (other) => this.log.push(`drained ${other}`),
      },
    })
  }

  send(to: string, value: unknown): boolean {
    return this.links.send(to, user(value))
  }
}

export function user(value: unknown): Message {
  return { type: 'mesh.user', body: packValue(value) }
}
