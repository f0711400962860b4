/** Above this the next event comes when half of it has left; below, when all has. In bytes. */
const lowWater = 64 * 1024

/** The longest message that a connection takes, in bytes. */
export function largestMessage(connection: RTCPeerConnection | null | undefined): number {
  // RFC 8841: 64 KiB where the other end did not say; Chromium throws above 256 KiB.
  return Math.min(connection?.sctp?.maxMessageSize ?? 64 * 1024, 256 * 1024)
}

/** To be called after each send, so that `onbufferedamountlow` comes when sending on is worth while. */
export function watchBuffer(channel: RTCDataChannel): void {
  // The event comes only on the way down through the threshold, so a small rest needs 0.
  channel.bufferedAmountLowThreshold = channel.bufferedAmount > lowWater ? lowWater : 0
}
