import type { PeerId } from '../wire/index.js'
import type { Link, LinkEvents } from './link.js'
import type { IceServer } from './signaling.js'

/** A direct link that is being made: `signal` takes what the other end's `signal` callback gave. */
export type DialedLink = Link & { signal(payload: Uint8Array): void }

/**
 * Makes a direct link to `remote`. One end is the initiator; `signal` is called with what must
 * reach the other end, which may be more than once and also after the link opened. `dial` is the
 * number that both ends know the dial by.
 */
export type OpenDirect = (
  remote: PeerId,
  initiator: boolean,
  iceServers: readonly IceServer[],
  signal: (payload: Uint8Array) => void,
  events: LinkEvents,
  dial: number,
) => DialedLink
