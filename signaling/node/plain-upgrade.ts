/** A head as it was read, `method` being GET. */
export interface PlainUpgrade {
  readonly url: string
  /** Names in lower case, each of them once. */
  readonly headers: Readonly<Record<string, string>>
  /** Bytes of the head; what follows is the WebSocket's. */
  readonly length: number
}

/** Bytes of the longest head that is read here: what proxies take (nginx, Apache), and half of what Node does. */
const longestHead = 8 * 1024

/** Headers at most; browsers and a proxy or two send about 20. */
const mostHeaders = 64

const endOfHead = Buffer.from('\r\n\r\n')

/**
 * A path and query of the characters of RFC 3986 and no others, which is what browsers and Node write. Then headers in
 * their plainest form: no underscore in the name, one space, printable ASCII, no blank at the end. All that RFC 9110
 * allows beyond that, or parsers are known to disagree about, does not match.
 */
const plainHead =
  /^GET (\/[A-Za-z0-9\-._~%!$&'()*+,;=:@/?]*) HTTP\/1\.1\r\n(?:[A-Za-z0-9-]{1,64}: [\x21-\x7e]+(?: [\x21-\x7e]+)*\r\n)*$/

/** What would give the request a body, make it another one, or be a list as Node reads it: never read here. */
const notPlain = new Set([
  ...['content-length', 'transfer-encoding', 'expect', 'te', 'trailer', 'http2-settings'],
  'set-cookie',
])

/**
 * Names as browsers, Node and proxies write them, and as they are kept. To the engine a name cut out of a head is a new
 * string, which it has to look up among all names of properties each time.
 */
const usualNames = new Map(
  [
    ...['Host', 'Connection', 'Upgrade', 'Origin', 'User-Agent', 'Pragma', 'Cache-Control', 'Cookie'],
    ...['Accept-Encoding', 'Accept-Language', 'Sec-Fetch-Dest', 'Sec-Fetch-Mode', 'Sec-Fetch-Site'],
    ...['Sec-WebSocket-Version', 'Sec-WebSocket-Key', 'Sec-WebSocket-Protocol', 'Sec-WebSocket-Extensions'],
    ...['X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Host', 'X-Real-IP'],
  ].flatMap((name) => [
    [name, name.toLowerCase()] as const,
    [name.toLowerCase(), name.toLowerCase()] as const,
  ]),
)

/**
 * Reads the head of a request that opens a WebSocket, if it stands at the start of `chunk`, whole, and as every
 * browser writes it. Undefined for anything else, which Node's parser then judges: whatever is read here, that
 * one reads just the same.
 */
export function readPlainUpgrade(chunk: Buffer): PlainUpgrade | undefined {
  // 'GET ', so that most of what is something else costs nothing.
  if (chunk.byteLength < 4 || chunk.readUInt32BE(0) !== 0x47455420) return undefined
  const end = chunk.indexOf(endOfHead)
  if (end === -1 || end > longestHead) return undefined
  const text = chunk.toString('latin1', 0, end + 2)
  const url = plainHead.exec(text)?.[1]
  if (url === undefined) return undefined
  const headers: Record<string, string> = {}
  let count = 0
  for (let at = text.indexOf('\r\n') + 2; at < text.length; ) {
    if (++count > mostHeaders) return undefined
    const colon = text.indexOf(':', at)
    const lineEnd = text.indexOf('\r\n', colon)
    const written = text.slice(at, colon)
    const usual = usualNames.get(written)
    const name = usual ?? written.toLowerCase()
    if (Object.hasOwn(headers, name) || (usual === undefined && notPlain.has(name))) return undefined
    headers[name] = text.slice(colon + 2, lineEnd)
    at = lineEnd + 2
  }
  const { host, upgrade, connection } = headers
  if (host === undefined || upgrade?.toLowerCase() !== 'websocket') return undefined
  if (!/^(keep-alive, ?)?upgrade$/i.test(connection ?? '')) return undefined
  return { url, headers, length: end + endOfHead.byteLength }
}
