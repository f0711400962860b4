import { createServer, type IncomingMessage } from 'node:http'
import { Duplex } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readPlainUpgrade } from './plain-upgrade.js'

const usual: readonly (readonly [string, string])[] = [
  ['Host', 'signal.example'],
  ['Connection', 'keep-alive, Upgrade'],
  ['Upgrade', 'websocket'],
  ['Origin', 'https://app.example'],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAAAA=='],
  ['Sec-WebSocket-Protocol', 'ringmesh, ringmesh.join, ringmesh.join.k3Cn'],
  ['X-Forwarded-For', '192.0.2.1, 198.51.100.7'],
]

function written(
  headers: readonly (readonly [string, string])[],
  line = 'GET /mesh?a=1&b=%20 HTTP/1.1',
  after = '',
): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  return Buffer.from(`${line}\r\n${lines}\r\n${after}`, 'latin1')
}

interface Read {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly headers: Readonly<Record<string, unknown>>
  readonly rest: string
}

/** What Node's own server makes of bytes; undefined when it sees no upgrade in them. */
function byNode(bytes: Buffer): Promise<Read | undefined> {
  return new Promise((resolve) => {
    const server = createServer((_request, response) => {
      response.end()
      resolve(undefined)
    })
    server.on('clientError', () => resolve(undefined))
    server.on('upgrade', (request: IncomingMessage, _socket: Duplex, head: Buffer) => {
      const { method, url, headers } = request
      resolve({ method, url, headers: { ...headers }, rest: head.toString('latin1') })
    })
    const socket = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
    socket.on('error', () => {})
    server.emit('connection', socket)
    socket.push(bytes)
    // Half a head is no upgrade: the end says so at once.
    setImmediate(() => socket.push(null))
    socket.on('close', () => resolve(undefined))
  })
}

async function isReadAlike(bytes: Buffer): Promise<boolean> {
  const plain = readPlainUpgrade(bytes)
  if (plain === undefined) return false
  const { url, headers, length } = plain
  expect(await byNode(bytes)).toEqual({
    method: 'GET',
    url,
    headers: { ...headers },
    rest: bytes.toString('latin1', length),
  })
  return true
}

/** What parsers have been made to disagree by. */
const awkward = [
  ...['\r', '\n', '\r\n', '\r\n ', '\n\n', '\t', ' ', ':', ';', ',', '_', '\0', '\x7f', '\x80', '\xff', '#'],
  ...['Content-Length: 5\r\n', 'Transfer-Encoding: chunked\r\n', 'Host: other\r\n', 'host : x\r\n'],
  ...['Connection: close\r\n', 'Upgrade: h2c\r\n', 'Expect: 100-continue\r\n', '__proto__: x\r\n'],
  ...['constructor: x\r\n', 'X: \r\n', 'Cookie: a=1\r\n', 'Set-Cookie: a\r\n', ' HTTP/1.0', 'http://x/'],
]

const changed = fc
  .tuple(
    fc.subarray([...usual], { minLength: 5 }),
    fc.constantFrom('', 'more', '\x81\x80\0\0\0\0', 'GET / HTTP/1.1\r\n\r\n'),
    fc.array(
      fc.tuple(
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.oneof(
          fc.constantFrom(...awkward),
          fc.nat(255).map((code) => String.fromCharCode(code)),
        ),
        fc.constantFrom(0, 0, 1, 2),
        fc.boolean(),
      ),
      { maxLength: 3 },
    ),
  )
  .map(([headers, after, changes]) => {
    let text = written(headers, undefined, after).toString('latin1')
    for (const [where, inserted, removed, atLine] of changes) {
      const anywhere = Math.floor(where * text.length)
      // Where a whole line fits in: anywhere else it is seldom more than a broken one.
      const at = atLine ? Math.max(0, text.lastIndexOf('\r\n', anywhere)) + 2 : anywhere
      text = text.slice(0, at) + inserted + text.slice(at + removed)
    }
    return Buffer.from(text, 'latin1')
  })

describe('a plain upgrade', () => {
  it('is read as Node reads it, with what follows it', async () => {
    expect(await isReadAlike(written(usual))).toBe(true)
    expect(await isReadAlike(written(usual, undefined, '\x82\x80abcd'))).toBe(true)
  })

  it('is read as Node reads it wherever it is read at all', async () => {
    let read = 0
    await fc.assert(
      fc.asyncProperty(changed, async (bytes) => {
        if (await isReadAlike(bytes)) read++
      }),
      { numRuns: Number(process.env.UPGRADE_RUNS ?? 3_000) },
    )
    expect(read).toBeGreaterThan(100)
  })

  it.each<[string, Buffer]>([
    ['another method', written(usual, 'POST / HTTP/1.1')],
    ['an older version', written(usual, 'GET / HTTP/1.0')],
    ['an absolute URL', written(usual, 'GET http://a/ HTTP/1.1')],
    ['a body', written([...usual, ['Content-Length', '5']])],
    ['chunks', written([...usual, ['Transfer-Encoding', 'chunked']])],
    ['a header twice', written([...usual, ['origin', 'https://other.example']])],
    ['a folded header', written([...usual, ['X', 'a\r\n b']])],
    ['a bare line feed', written([...usual, ['X', 'a\nY: b']])],
    ['a bare carriage return', written([...usual, ['X', 'a\rb']])],
    ['a blank before the colon', written([...usual, ['X ', 'a']])],
    ['an underscore in a name', written([...usual, ['X_Forwarded_For', 'a']])],
    ['a character beyond ASCII', written([...usual, ['X', '\xe9']])],
    ['a blank at the end of a value', written([...usual, ['X', 'a ']])],
    ['a blank at the end of its first line', written(usual, 'GET / HTTP/1.1 ')],
    ['an empty line before it', Buffer.concat([Buffer.from('\r\n'), written(usual)])],
    ['a page asked for before it', Buffer.concat([written(usual.slice(0, 1)), written(usual)])],
    ['a header that is a list in Node', written([...usual, ['Set-Cookie', 'a=1']])],
    ['no host', written(usual.slice(1))],
    ['another protocol', written([...usual.filter(([name]) => name !== 'Upgrade'), ['Upgrade', 'h2c']])],
    ['a connection that says more', written([...usual.slice(2), ['Connection', 'Upgrade, close']])],
    ['no end', written(usual).subarray(0, -1)],
    ['a head of 8 KiB and more', written([...usual, ['X', 'x'.repeat(8 * 1024)]])],
    [
      'more than 64 headers',
      written([...usual, ...Array.from({ length: 60 }, (_, n) => [`X-${n}`, 'x'] as const)]),
    ],
  ])('is not read with %s', (_what, bytes) => {
    expect(readPlainUpgrade(bytes)).toBeUndefined()
  })
})
