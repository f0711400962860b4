/** The server's end of a peer's socket, as the rooms see it. None of it throws. */
export interface PeerSocket {
  /** Where it comes from, for the log. */
  readonly address: string
  /** Bytes given to `send` that have not left this machine yet. */
  readonly buffered: number
  /** Frames that came wait to be read: nothing that comes after them is noticed meanwhile, not even that the peer is gone. */
  readonly isBehind: boolean
  send(frame: Uint8Array): void
  /** Asks for a sign of life that costs the page nothing; answered by `Connection.alive`. */
  probe(): void
  /** Stops reading for so many milliseconds, so that the sender has to wait. */
  pause(milliseconds: number): void
  /** Closes when what is buffered has left, or soon. `Connection.closed` follows. */
  end(code: number, reason: string): void
  /** Closes now; what is buffered is lost. `Connection.closed` follows. */
  cut(): void
}

/** What the owner of the socket tells the door that it was given to. */
export interface Connection {
  /** One frame, whole. */
  receive(frame: Uint8Array): void
  /** A frame came that is none: of the wrong kind, or over the limit. The socket is closed for it. */
  malformed(reason: 'frame-too-long' | 'bad-frame', detail: string): void
  /** The peer answered a probe. */
  alive(): void
  /** The socket is closed. Called once. */
  closed(): void
}

/**
 * Close codes of this service, from the range that RFC 6455 leaves to applications; 1000 is its
 * "normal closure" and 1012 the registered "service restart".
 */
export const closeCodes = {
  left: 1000,
  draining: 1012,
  refused: 4001,
  replaced: 4002,
  expired: 4003,
} as const
