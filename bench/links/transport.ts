import type { Priority } from '../../src/wire/index.js'

/** What the measurements need of a way to send: bytes there, bytes back, and to be told when to wait. */
export interface Transport {
  /** False: not taken, wait for `room`. */
  send(bytes: Uint8Array, priority: Priority): boolean
  room(): Promise<void>
  receive: (bytes: Uint8Array) => void
}

/** Which of the two tabs this is. */
export const role = location.hash.slice(1) === 'a' ? 'a' : 'b'
export const other = role === 'a' ? 'b' : 'a'

/** Resolves when both tabs have called it, whichever was first: what either says from then on is heard. */
export function bothHere(what: string): Promise<void> {
  const channel = new BroadcastChannel(`here for ${what}`)
  return new Promise((resolve) => {
    channel.onmessage = ({ data }) => {
      if (data === 'here') channel.postMessage('seen')
      resolve()
    }
    channel.postMessage('here')
  })
}

/**
 * Bytes that a bare channel is given at once: a megabyte keeps it busy and is far from the 16 MiB at
 * which it throws. Less made it no faster: 64 KiB to 1 MiB were the same within their scatter.
 */
export const channelHighWater = 1024 * 1024

/** Sends over a channel with that much in its buffer at most. */
export function overChannel(
  channel: RTCDataChannel,
  write: (bytes: Uint8Array<ArrayBuffer>) => void,
): Transport {
  channel.bufferedAmountLowThreshold = channelHighWater / 4
  return {
    send: (bytes) => {
      if (channel.bufferedAmount > channelHighWater) return false
      write(bytes as Uint8Array<ArrayBuffer>)
      return true
    },
    room: () =>
      new Promise((resolve) => {
        channel.addEventListener('bufferedamountlow', () => resolve(), { once: true })
      }),
    receive: () => {},
  }
}
