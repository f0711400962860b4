import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, Socket } from 'node:net'
import { Duplex } from 'node:stream'
import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import * as ws from 'ws'
import { encodeMessage, joinedProtocol } from '../../src/wire/index.js'
import { type SignalServer, type StartSignalOptions, startSignalServer } from '../server.js'
import { RawPeer, tab } from '../testing/raw-peer.js'
import { joinRequest } from '../testing/raw-request.js'
import { answerHandshake, pickProtocol } from './opening-handshake.js'
import { opcodes, serverFrame } from './server-frame.js'

/** Exported by `ws`, and by its types not. */
const senderOfWs = (
  ws as unknown as { Sender: { frame(payload: Buffer, options: Record<string, unknown>): Buffer[] } }
).Sender

const servers: SignalServer[] = []
const sockets: Socket[] = []

async function start(options: StartSignalOptions = {}): Promise<SignalServer> {
  const server = await startSignalServer({ port: 0, drainMilliseconds: 500, log: () => {}, ...options })
  servers.push(server)
  return server
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

/** A frame of a client, masked with zeros. */
function frame(opcode: number, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.byteLength, 0, 0, 0, 0]), payload])
}

const ping = frame(opcodes.binary, encodeMessage({ type: 'signal.ping' }))
const pong = Buffer.from(encodeMessage({ type: 'signal.pong' })).toString('latin1')

interface Client {
  readonly socket: Socket
  /** All that came, the answer to the upgrade included. */
  got(): string
  closed(): boolean
}

/** A peer that has joined by its request, and whose socket is asleep at the server. */
async function asleep(server: SignalServer, id: string, more: Uint8Array = Buffer.alloc(0)): Promise<Client> {
  let got = ''
  let closed = false
  const socket = connect({ port: server.port, host: '127.0.0.1', noDelay: true })
  sockets.push(socket)
  socket.on('data', (chunk: Buffer) => {
    got += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    closed = true
  })
  socket.write(Buffer.concat([Buffer.from(joinRequest(id, 'room')), more]))
  await expect.poll(() => got).toContain(`Sec-WebSocket-Protocol: ${joinedProtocol}\r\n\r\n\x82`)
  return { socket, got: () => got, closed: () => closed }
}

/** Everybody is out, and nothing is kept of them. */
async function allGone(server: SignalServer): Promise<void> {
  await expect.poll(() => server.connections).toBe(0)
  const other = await RawPeer.join(server.url, 'room', 'other')
  expect(other.got).toEqual([])
  other.close()
}

describe('a peer that has said nothing since it joined', () => {
  it('hears of the others, in good order', async () => {
    const server = await start()
    const { got } = await asleep(server, 'a')
    const b = await RawPeer.join(server.url, 'room', 'b')
    b.send({ type: 'signal.relay', to: 'a', frame: new Uint8Array(64 * 1024).fill(1) })
    b.send({ type: 'signal.relay', to: 'a', frame: Buffer.from('the end') })
    await expect.poll(got).toContain('the end')
    const joined = got().indexOf(
      Buffer.from(encodeMessage({ type: 'signal.joined', peer: tab('b') })).toString('latin1'),
    )
    expect(joined).toBeGreaterThan(0)
    expect(got().indexOf('\x82\x7f\0\0\0\0\0\x01')).toBeGreaterThan(joined)
  })

  it('is not let wait by Nagle, from the first frame on that leaves after the answer', async () => {
    const told = vi.spyOn(Socket.prototype, 'setNoDelay')
    try {
      const server = await start()
      const ports = (): (number | undefined)[] =>
        (told.mock.contexts as Socket[])
          .filter((socket) => socket.localPort === server.port)
          .map((socket) => socket.remotePort)
      const { socket, got } = await asleep(server, 'a')
      expect(ports()).toEqual([])
      const b = await RawPeer.join(server.url, 'room', 'b')
      await expect.poll(got).toContain('host-of-b')
      expect(ports()).toContain(socket.localPort)
      b.close()
    } finally {
      told.mockRestore()
    }
  })

  it('is pinged, stays while it answers, and is cut off when it does not', async () => {
    const server = await start({ limits: { idleMilliseconds: 2_000 } })
    const quiet = await asleep(server, 'quiet')
    const answering = await asleep(server, 'answering')
    let answered = 0
    answering.socket.on('data', (chunk: Buffer) => {
      for (
        let at = chunk.indexOf('\x89\0', 0, 'latin1');
        at >= 0;
        at = chunk.indexOf('\x89\0', at + 1, 'latin1')
      ) {
        answered++
        answering.socket.write(frame(0xa, Buffer.alloc(0)))
      }
    })
    await expect.poll(quiet.closed).toBe(true)
    expect(quiet.got()).toContain('\x89\0')
    expect(answered).toBeGreaterThan(0)
    expect(answering.closed()).toBe(false)
    // The server is told of the end of a socket in a turn of its own.
    await expect.poll(() => server.connections).toBe(1)
    expect(server.tally.idle).toBe(1)
  })

  it('is told to move when the server stops, and closed with the code for it', async () => {
    const server = await start({ drainMilliseconds: 1 })
    const { got, socket, closed } = await asleep(server, 'a')
    const stopped = server.stop()
    // 1012, and the reason behind it.
    await expect.poll(got).toContain('\x03\xf4the server stops')
    expect(got()).toContain(Buffer.from(encodeMessage({ type: 'signal.draining' })).toString('latin1'))
    socket.end(frame(0x8, Buffer.from([0x03, 0xf4])))
    await expect.poll(closed).toBe(true)
    await stopped
    expect(server.connections).toBe(0)
  })

  it('is cut off when it reads nothing, and nobody else is', async () => {
    const server = await start({
      limits: { bufferedBytes: 256 * 1024, relayBytesPerSecond: 1e9, bytesPerSecond: 1e9 },
    })
    const a = await asleep(server, 'a')
    a.socket.pause()
    const b = await RawPeer.join(server.url, 'room', 'b')
    const large = new Uint8Array(60_000)
    while (server.tally.slowConsumers === 0) {
      b.send({ type: 'signal.relay', to: 'a', frame: large })
      await b.settled()
    }
    await b.next('signal.closed')
    await expect.poll(() => server.connections).toBe(1)
    expect(server.tally.slowConsumers).toBe(1)
  })

  it.each<[string, (socket: Socket) => void]>([
    ['half-closes', (socket) => socket.end()],
    ['resets', (socket) => socket.resetAndDestroy()],
    ['closes', (socket) => socket.destroy()],
  ])('leaves its room at once when it %s', async (_how, leave) => {
    const server = await start()
    const { socket } = await asleep(server, 'a')
    const b = await RawPeer.join(server.url, 'room', 'b')
    leave(socket)
    expect(await b.next('signal.closed')).toMatchObject({ peer: 'a', clean: false })
    await expect.poll(() => server.connections).toBe(1)
  })

  it('is replaced by itself on another socket', async () => {
    const server = await start()
    const { got } = await asleep(server, 'a')
    await RawPeer.join(server.url, 'room', 'a')
    // 4002, with the words that go with it.
    await expect.poll(got).toContain('\x0f\xa2this peer joined again')
    expect(server.tally.replaced).toBe(1)
  })

  it('leaves nothing behind, a thousand times', async () => {
    const server = await start({ limits: { connectionsPerAddress: 2_000, peersPerRoom: 2_000 } })
    const ways = ['end', 'destroy', 'resetAndDestroy'] as const
    const clients: Client[] = []
    for (let n = 0; n < 1_000; n += 50) {
      const batch = Array.from({ length: 50 }, (_, index) => asleep(server, `peer-${n + index}`))
      clients.push(...(await Promise.all(batch)))
      for (const [index, { socket }] of clients.splice(0).entries()) socket[ways[index % 3] as 'end']()
      await expect.poll(() => server.connections).toBe(0)
    }
    expect(server.tally).toMatchObject({ connections: 1_000, joins: 1_000, frames: 0, idle: 0 })
    await allGone(server)
  })
})

describe('the first words of such a peer', () => {
  it.each(Array.from({ length: ping.byteLength - 1 }, (_, index) => index + 1))(
    'are read when they come in two parts, %i bytes first',
    async (cut) => {
      const server = await start()
      const { socket, got } = await asleep(server, 'a')
      socket.write(ping.subarray(0, cut))
      await new Promise((resolve) => setTimeout(resolve, 5))
      socket.write(ping.subarray(cut))
      await expect.poll(got).toContain(pong)
      expect(server.tally.frames).toBe(1)
    },
  )

  it('may come with the request', async () => {
    const server = await start()
    const { got } = await asleep(server, 'a', Buffer.concat([ping, ping]))
    await expect.poll(() => got().split(pong).length).toBe(3)
    expect(server.tally).toMatchObject({ joins: 1, frames: 2 })
  })

  it('over the limit are refused in words, then in the code', async () => {
    const server = await start({ limits: { frameBytes: 1_024 } })
    const { socket, got, closed } = await asleep(server, 'a')
    socket.write(Buffer.from([0x82, 0x80 | 126, 0xff, 0xff, 0, 0, 0, 0]))
    await expect.poll(got).toContain('the frame is over the limit')
    await expect.poll(closed).toBe(true)
    expect(server.tally.refusals.get('frame-too-long')).toBe(1)
    await allGone(server)
  })

  it('that are no frame end its socket and no other', async () => {
    const server = await start()
    const b = await asleep(server, 'b')
    const { socket, closed } = await asleep(server, 'a')
    socket.write('GET / HTTP/1.1\r\n\r\n')
    await expect.poll(closed).toBe(true)
    b.socket.write(ping)
    await expect.poll(b.got).toContain(pong)
  })

  it('may be goodbye', async () => {
    const server = await start()
    const { socket, got } = await asleep(server, 'a')
    const b = await RawPeer.join(server.url, 'room', 'b')
    socket.write(frame(0x8, Buffer.from([0x03, 0xe9])))
    await b.next('signal.closed')
    expect(got()).toContain('\x88\x02\x03\xe9')
  })
})

it('a frame is what the sender of ws makes of it', () => {
  const lengths = fc.oneof(fc.nat(300), fc.constantFrom(125, 126, 4_096, 4_097, 65_535, 65_536, 100_000))
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(opcodes)), lengths, (opcode, length) => {
      const payload = Buffer.alloc(length, 7)
      const byWs = senderOfWs.frame(payload, { fin: true, opcode, mask: false, readOnly: true, rsv1: false })
      expect(Buffer.compare(Buffer.concat(serverFrame(opcode, payload)), Buffer.concat(byWs))).toBe(0)
    }),
  )
})

describe('the answer to an upgrade', () => {
  const server = new ws.WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    handleProtocols: pickProtocol,
  })

  /** What `ws` writes, where it accepts. */
  function byWs(request: { method: string; headers: Record<string, string> }): string | undefined {
    let written = ''
    const stream = new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        written += String(chunk)
        done()
      },
    })
    let isOpen = false
    server.handleUpgrade(request as unknown as IncomingMessage, stream, Buffer.alloc(0), () => {
      isOpen = true
    })
    stream.destroy()
    return isOpen ? written : undefined
  }

  const name = fc.oneof(
    fc.constantFrom('ringmesh', joinedProtocol, `${joinedProtocol}.k3Cn`, 'a', 'a b', '', ' ', 'a,', '"'),
    fc.string({ maxLength: 3 }),
  )
  const requests = fc.record({
    method: fc.constantFrom('GET', 'GET', 'GET', 'POST'),
    headers: fc.record(
      {
        upgrade: fc.constantFrom('websocket', 'websocket', 'WebSocket', 'h2c'),
        'sec-websocket-version': fc.constantFrom('13', '13', '13', '13', '8', '13.0'),
        'sec-websocket-key': fc.oneof(
          fc.uint8Array({ minLength: 16, maxLength: 16 }).map((key) => Buffer.from(key).toString('base64')),
          fc.constantFrom('', 'AAAA', 'AAAAAAAAAAAAAAAAAAAAAA==x'),
        ),
        'sec-websocket-protocol': fc
          .tuple(fc.array(name, { maxLength: 4 }), fc.constantFrom(',', ', ', ', ', ' ,', ',\t'))
          .map(([names, between]) => names.join(between)),
      },
      { requiredKeys: ['upgrade', 'sec-websocket-version', 'sec-websocket-key'] },
    ),
  })

  it('is that of ws wherever it is given at all', () => {
    let given = 0
    fc.assert(
      fc.property(requests, (request) => {
        const answer = answerHandshake({ ...request, socket: { remoteAddress: '192.0.2.1' } })
        if (answer === undefined) return
        given++
        expect(byWs(request as never)).toBe(answer.head)
      }),
      { numRuns: 5_000 },
    )
    expect(given).toBeGreaterThan(100)
  })
})

it('a WebSocket by a server that was passed in sleeps and wakes as well', async () => {
  const http = createServer()
  const server = await start({ server: http })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  expect(server.port).toBe((http.address() as AddressInfo).port)
  const { socket, got } = await asleep(server, 'a')
  socket.write(ping)
  await expect.poll(got).toContain(pong)
  await server.close()
  await new Promise((resolve) => http.close(resolve))
})
