import type SimplePeer from 'simple-peer'
// The bare import pulls in Node's streams unbundled; this file is the same with all of it inside.
import Peer from 'simple-peer/simplepeer.min.js'
import { packValue, unpackValue } from '../../wire/index.js'
import type { DialedLink, OpenDirect } from '../direct-link.js'
import type { LinkEvents } from '../link.js'
import {
  type ConnectionDescription,
  connectionDescription,
  longestDescription,
} from './connection-description.js'
import { awaitDrain, largestMessage, onDrain } from './data-channel.js'
import { EarlyFrames } from './early-frames.js'
import { GatheringSignals } from './gathering-signals.js'
import { SharedCertificate } from './shared-certificate.js'

/** The classes of WebRTC, where the platform does not have them: in Node. */
export type Wrtc = NonNullable<SimplePeer.Options['wrtc']>

export interface RtcOptions {
  /** The platform's WebRTC; the default is the browser's own. */
  wrtc?: Wrtc
  /** `relay`: only by TURN, which hides addresses. Default `all`. */
  iceTransportPolicy?: RTCIceTransportPolicy
}

/** The parts of simple-peer that its types leave out; 9.11.1 is its last version. */
interface PeerInternals {
  readonly _pc: RTCPeerConnection | null
  readonly _channel: RTCDataChannel | null
  readonly destroyed: boolean
  _onChannelMessage(event: MessageEvent<unknown>): void
  _onChannelOpen(): void
  _createOffer(): void
  _createAnswer(): void
}

/**
 * Direct links by WebRTC, made by simple-peer: one ordered, reliable data channel a link.
 *
 * Frames go over its data channel without its stream, which would put another queue in between
 * and swallow the empty ones.
 */
export function rtc(options: RtcOptions = {}): OpenDirect {
  const certificate = options.wrtc === undefined ? new SharedCertificate() : undefined
  // Made now, for the first dial.
  void certificate?.configuration
  return (remote, initiator, iceServers, signal, events) =>
    new RtcLink(remote, initiator, iceServers, signal, events, options, certificate)
}

/** Whether this platform can make WebRTC links by itself. */
export function hasWebRtc(): boolean {
  return Peer.WEBRTC_SUPPORT
}

class RtcLink implements DialedLink {
  readonly kind = 'direct'
  readonly copiesFrames = true
  readonly remote: string
  readonly #peer: SimplePeer.Instance & PeerInternals
  readonly #events: LinkEvents
  readonly #signals: GatheringSignals
  readonly #early = new EarlyFrames()
  #isOpen = false
  #isClosing = false
  #isClosed = false
  #reason = 'closed by the other end'

  constructor(
    remote: string,
    initiator: boolean,
    iceServers: Parameters<OpenDirect>[2],
    signal: (payload: Uint8Array) => void,
    events: LinkEvents,
    options: RtcOptions,
    certificate: SharedCertificate | undefined,
  ) {
    this.remote = remote
    this.#events = events
    const peer = new Peer({
      initiator,
      // Its own is 40 random characters, which nobody reads.
      channelName: 'ringmesh',
      config: {
        ...certificate?.configuration,
        iceServers: iceServers.map((server) => ({ ...server })),
        ...(options.iceTransportPolicy && { iceTransportPolicy: options.iceTransportPolicy }),
      },
      ...(options.wrtc && { wrtc: options.wrtc }),
    }) as SimplePeer.Instance & PeerInternals
    this.#peer = peer
    const send = (description: ConnectionDescription): void => signal(packValue(description))
    this.#signals = new GatheringSignals(send, () => {
      const description = peer._pc?.localDescription
      return description ? connectionDescription(description) : undefined
    })
    peer.on('signal', (data) => {
      const description = connectionDescription(data)
      // node-datachannel's candidates must not leave before the answer (see node-rtc.ts).
      if (options.wrtc === undefined) this.#signals.add(description)
      else send(description)
    })
    if (options.wrtc === undefined) {
      // In place of the methods that have the description made, take it as text and give it back: each of
      // the three waits for another thread of the browser.
      peer._createOffer = () => void this.#describe()
      peer._createAnswer = () => void this.#describe()
    }
    // In place of the method that first looks through the connection's statistics, for addresses that
    // nobody asks for.
    peer._onChannelOpen = () => this.#opened()
    peer.on('iceStateChange', (state: RTCIceConnectionState, gathering: RTCIceGatheringState) => {
      if (state === 'disconnected' && this.#isOpen) events.trouble()
      // Browsers only: node-datachannel may call the gathering complete before it has begun.
      if (gathering === 'complete' && options.wrtc === undefined) {
        this.#gathered()
        this.#signals.complete()
      }
    })
    peer.on('error', (error) => {
      if (!this.#isClosing) this.#reason = error.message
    })
    // In place of the method that pushes what the channel brings into the stream.
    peer._onChannelMessage = ({ data }) => {
      if (data instanceof ArrayBuffer) this.#received(new Uint8Array(data))
    }
    peer.on('close', () => this.#closed())
  }

  get buffered(): number {
    return this.#peer._channel?.bufferedAmount ?? 0
  }

  get largestFrame(): number {
    return largestMessage(this.#peer._pc)
  }

  send(frame: Uint8Array): void {
    const channel = this.#peer._channel
    if (!this.#isOpen || channel === null || channel.readyState !== 'open') return
    try {
      channel.send(frame as Uint8Array<ArrayBuffer>)
    } catch (error) {
      // Chromium closes a channel whose buffer of 16 MiB is full; the session sends it all again.
      this.close(error instanceof Error ? error.message : 'send failed')
    }
  }

  awaitDrain(): void {
    const channel = this.#peer._channel
    if (this.#isOpen && channel !== null) awaitDrain(channel)
  }

  signal(payload: Uint8Array): void {
    if (this.#isClosed || this.#peer.destroyed || payload.length > longestDescription) return
    try {
      this.#peer.signal(connectionDescription(unpackValue(payload)) as SimplePeer.SignalData)
    } catch {
      // What is no description of a connection is dropped; the dial runs into its time-out.
    }
  }

  close(reason: string): void {
    if (this.#isClosed || this.#isClosing) return
    this.#isClosing = true
    this.#reason = reason
    this.#isOpen = false
    this.#signals.close()
    this.#peer.destroy()
  }

  /** Makes the description that is due, an offer or an answer, and has it leave. */
  async #describe(): Promise<void> {
    const connection = this.#peer._pc
    if (connection === null) return
    try {
      await connection.setLocalDescription()
      const description = connection.localDescription
      if (description && !this.#peer.destroyed && !this.#isClosing)
        this.#signals.add(connectionDescription(description))
    } catch (error) {
      this.close(error instanceof Error ? error.message : 'no description')
    }
  }

  /** With no address of its own this end can reach nobody, and the other would try for 15 s. */
  #gathered(): void {
    const sdp = this.#peer._pc?.localDescription?.sdp
    if (!this.#isOpen && sdp !== undefined && !sdp.includes('a=candidate')) this.close('no candidates')
  }

  #opened(): void {
    const channel = this.#peer._channel
    if (this.#isClosed || channel === null) return
    this.#isOpen = true
    onDrain(channel, () => {
      if (this.#isOpen) this.#events.drain()
    })
    this.#events.open()
    for (const frame of this.#early.take()) if (this.#isOpen) this.#events.frame(frame)
  }

  /** The other end may find the channel open sooner, and greet: what it sends is kept until this end does. */
  #received(frame: Uint8Array): void {
    if (this.#isOpen) this.#events.frame(frame)
    else if (!this.#isClosed) this.#early.keep(frame)
  }

  #closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isOpen = false
    this.#events.close(this.#reason)
  }
}
