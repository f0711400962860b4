import type { OpenDirect } from '../conversation.js'
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

async function loadWrtc(): Promise<Wrtc | undefined> {
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
   */
  class BrowserLikeConnection extends polyfill.RTCPeerConnection {
    readonly #early: Parameters<RTCPeerConnection['addIceCandidate']>[0][] = []

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
      return { type, sdp: sdp ?? '' }
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
