/**
 * A join within the request that opens the WebSocket: a peer is in after one round trip instead of
 * two, and the server answers with one packet instead of two. A page can add nothing to that request
 * but names of subprotocols (RFC 6455, 1.9), so the frame of the join is one of them, as Kubernetes
 * has it with bearer tokens. The server picks `joined`, or the first where it knows nothing of this;
 * then the join follows in a frame.
 */
const spoken = 'ringmesh'
const joined = 'ringmesh.join'
const carrier = `${joined}.`

/**
 * The longest join, in bytes, that goes into the request. Proxies take heads of 8 KiB (nginx, Apache), of which cookies
 * may be the most; a join with a token of an HMAC has about 500 bytes.
 */
const longest = 2048

/** What {@link joinOffered} is answered with when the join was read. */
export const joinedProtocol = joined

/** The subprotocols to ask for so that `join`, a frame of `signal.join`, is read from the request; none when it is too long. */
export function joinProtocols(join: Uint8Array): string[] {
  if (join.byteLength > longest) return []
  const text = btoa(String.fromCharCode(...join))
  return [spoken, joined, carrier + text.replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')]
}

/**
 * The frame of the join in the header `Sec-WebSocket-Protocol`, in base64url; undefined where there is none. Not looked at
 * any further.
 */
export function joinOffered(header: string): string | undefined {
  const start = header.indexOf(carrier)
  const text = start === -1 ? undefined : /^[\w-]+/.exec(header.slice(start + carrier.length))?.[0]
  // Of four characters the last may be missing, or two; one alone is no byte.
  return text === undefined || text.length % 4 === 1 ? undefined : text
}
