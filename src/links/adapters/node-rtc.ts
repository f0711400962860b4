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
  /** simple-peer assigns to `sdp` of what these give, and the polyfill's own class has only a getter there. */
  class PlainDescriptions extends polyfill.RTCPeerConnection {
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
    RTCPeerConnection: PlainDescriptions,
    RTCSessionDescription: polyfill.RTCSessionDescription,
    RTCIceCandidate: polyfill.RTCIceCandidate,
  } as unknown as Wrtc
}
