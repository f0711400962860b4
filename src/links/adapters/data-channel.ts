/** A channel that holds more than this is drained when it holds no more than this; any other, when it is empty. In bytes. */
const lowWater = 64 * 1024
/** A threshold that no buffer comes down through: each event is a task of its own, and few are waited for. */
const never = 2 ** 32 - 1

/** The longest message that a connection takes, in bytes. */
export function largestMessage(connection: RTCPeerConnection | null | undefined): number {
  // RFC 8841: 64 KiB where the other end did not say; Chromium throws above 256 KiB.
  return Math.min(connection?.sctp?.maxMessageSize ?? 64 * 1024, 256 * 1024)
}

/** Calls `drained` once after each `awaitDrain`, when sending on is worth while. */
export function onDrain(channel: RTCDataChannel, drained: () => void): void {
  channel.bufferedAmountLowThreshold = never
  channel.onbufferedamountlow = () => {
    channel.bufferedAmountLowThreshold = never
    drained()
  }
}

export function awaitDrain(channel: RTCDataChannel): void {
  // The event comes only on the way down through the threshold, so a small rest needs 0.
  channel.bufferedAmountLowThreshold = channel.bufferedAmount > lowWater ? lowWater : 0
}
