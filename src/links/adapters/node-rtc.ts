import type { OpenDirect } from '../direct-link.js'
import { type RtcOptions, rtc, type Wrtc } from './rtc.js'

/**
 * Direct links in Node, by libdatachannel through `node-datachannel`, which is an optional
 * dependency.
 *
 * @returns undefined where it is not installed, or has no binary for this machine: then only the
 * relay is left
 */
export async function nodeRtc(options: Omit<RtcOptions, 'wrtc'> = {}): Promise<OpenDirect | undefined> {
  const wrtc = await loadWrtc()
  return wrtc === undefined ? undefined : rtc({ ...options, wrtc })
}

/** The classes of WebRTC, as a browser has them; undefined where `nodeRtc` gives nothing. */
export async function loadWrtc(): Promise<Wrtc | undefined> {
  let polyfill: typeof import('node-datachannel/polyfill')
  try {
    polyfill = await import('node-datachannel/polyfill')
  } catch {
    return undefined
  }
  /**
   * What browsers do and the polyfill does not: descriptions are plain objects (simple-peer assigns to
   * their `sdp`), and candidates may come before the answer is set (libdatachannel has no ICE transport
   * until then and throws, for which simple-peer gives the whole connection up).
   *
   * And the caller keeps its candidates, those in its offer too, until it has the answer. With them the other
   * end begins its checks at once, and libdatachannel cannot bear a check before the answer: its own check in return
   * has no password and is refused, which now and then ends its ICE transport ("Got a remote candidate without
   * ICE transport" when the answer is set). Where it does not, the other end is connected too early
   * and its ClientHello is lost, to be repeated a second later (RFC 6347, section 4.2.4.1). Nothing is lost by
   * waiting: the caller checks first, as soon as it can, and the other end answers that.
   */
  class BrowserLikeConnection extends polyfill.RTCPeerConnection {
    readonly #early: Parameters<RTCPeerConnection['addIceCandidate']>[0][] = []
    /** Events of own candidates, until there is a remote description. */
    #held: Event[] | undefined = []

    constructor(configuration?: RTCConfiguration) {
      super(withEncodedCredentials(configuration) as never)
    }

    override get localDescription(): RTCSessionDescription {
      const { type, sdp } = super.localDescription
      return { type, sdp: type === 'offer' ? withoutCandidates(sdp) : sdp } as RTCSessionDescription
    }

    override dispatchEvent(event: Event): boolean {
      if (event.type !== 'icecandidate' || this.#held === undefined) return super.dispatchEvent(event)
      this.#held.push(event)
      return true
    }

    override async setRemoteDescription(description: RTCSessionDescriptionInit): Promise<void> {
      await super.setRemoteDescription(description as never)
      const held = this.#held ?? []
      this.#held = undefined
      for (const event of held) super.dispatchEvent(event)
    }

    override async addIceCandidate(
      candidate: Parameters<RTCPeerConnection['addIceCandidate']>[0],
    ): Promise<void> {
      if (this.localDescription?.type) await super.addIceCandidate(candidate as never)
      else this.#early.push(candidate)
    }

    override async setLocalDescription(description?: RTCLocalSessionDescriptionInit): Promise<void> {
      await super.setLocalDescription(description as never)
      for (const candidate of this.#early.splice(0)) await super.addIceCandidate(candidate as never)
    }

    override async createOffer(): Promise<RTCSessionDescriptionInit> {
      const { type, sdp } = (await super.createOffer()) as RTCSessionDescriptionInit
      return { type, sdp: withoutCandidates(sdp ?? '') }
    }

    override async createAnswer(): Promise<RTCSessionDescriptionInit> {
      const { type, sdp } = (await super.createAnswer()) as RTCSessionDescriptionInit
      return { type, sdp: sdp ?? '' }
    }
  }
  return {
    RTCPeerConnection: BrowserLikeConnection,
    RTCSessionDescription: polyfill.RTCSessionDescription,
    RTCIceCandidate: polyfill.RTCIceCandidate,
  } as unknown as Wrtc
}

/**
 * The polyfill writes user and password into a URL, `turn:USER:PASSWORD@HOST`, as they are; libdatachannel takes that apart at
 * the first `:` and decodes the parts. A user of draft-uberti-behave-turn-rest-00 has a `:` in it, and would be half a user.
 */
function withEncodedCredentials(configuration: RTCConfiguration | undefined): RTCConfiguration | undefined {
  if (configuration?.iceServers === undefined) return configuration
  const iceServers = configuration.iceServers.map(({ username, credential, ...server }) =>
    username === undefined || credential === undefined
      ? server
      : { ...server, username: encodeURIComponent(username), credential: encodeURIComponent(credential) },
  )
  return { ...configuration, iceServers }
}

/** A description whose candidates come one by one (RFC 8838), by the event that the caller hands on. */
function withoutCandidates(sdp: string): string {
  return sdp.replace(/^a=(?:candidate:.*|end-of-candidates)\r?\n/gm, '')
}
