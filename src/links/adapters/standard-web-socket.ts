/** The part of the standard `WebSocket` that is used: the browser's has it, and so has that of `ws`. */
export interface StandardWebSocket {
  binaryType: string
  /** The subprotocol that the server picked, once it is open. */
  readonly protocol: string
  readonly bufferedAmount: number
  send(data: Uint8Array | string): void
  close(code?: number, reason?: string): void
  onopen: ((event: never) => void) | null
  onmessage: ((event: never) => void) | null
  onclose: ((event: never) => void) | null
  onerror: ((event: never) => void) | null
}

export type StandardWebSocketClass = new (url: string, protocols: string[]) => StandardWebSocket

/** Close code for "going away of my own will" (RFC 6455, section 7.4.1). */
const normalClosure = 1000

/** What Node's WebSocket says of a failure; a browser's tells its console alone. */
interface WebSocketFailure {
  readonly message?: string
  readonly error?: { readonly code?: string }
}

/**
 * Whatever ends a socket: by the standard a close follows every error, but where a Content-Security-Policy forbids
 * the connection Chromium 156 fires the error alone. May be called twice, at first with what is known of the reason.
 */
export function onEnd(socket: StandardWebSocket, ended: (problem: string) => void): void {
  socket.onclose = () => ended('the connection was closed')
  socket.onerror = ({ message, error }: WebSocketFailure) =>
    // Where a name has several addresses, the message is empty.
    ended(message || error?.code || 'the connection failed, and the console of a browser says why')
}

/** Sends a frame where the socket takes one. */
export function sendFrame(socket: StandardWebSocket | undefined, frame: Uint8Array): void {
  try {
    socket?.send(frame)
  } catch {
    // The socket is about to report that it closed.
  }
}

/** Closes a socket, in whatever state it is. */
export function shut(socket: StandardWebSocket | undefined): void {
  try {
    socket?.close(normalClosure)
  } catch {
    // Not connected yet: it closes by itself.
  }
}
