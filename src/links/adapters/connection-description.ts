/** One step of how two ends agree on a connection of WebRTC, as simple-peer has it and dials carry it. */
export type ConnectionDescription =
  | { readonly type: 'offer' | 'answer'; readonly sdp: string }
  | { readonly type: 'candidate'; readonly candidate: Candidate }

export interface Candidate {
  readonly candidate: string
  readonly sdpMLineIndex: number | null
  readonly sdpMid: string | null
}

/** What a dial carries is a few kilobytes of SDP, or one candidate; anything else is none. In bytes. */
export const longestDescription = 64 * 1024

/**
 * Only what a description or candidate has, with the types it has.
 *
 * @throws {TypeError} where it is neither
 */
export function connectionDescription(value: unknown): ConnectionDescription {
  const { type, sdp, candidate } = Object(value)
  if ((type === 'offer' || type === 'answer') && typeof sdp === 'string') return { type, sdp }
  const { candidate: line, sdpMLineIndex, sdpMid } = Object(candidate)
  if (type !== 'candidate' || typeof line !== 'string')
    throw new TypeError('not a description of a connection')
  return {
    type,
    candidate: {
      candidate: line,
      sdpMLineIndex: typeof sdpMLineIndex === 'number' ? sdpMLineIndex : null,
      sdpMid: typeof sdpMid === 'string' ? sdpMid : null,
    },
  }
}
