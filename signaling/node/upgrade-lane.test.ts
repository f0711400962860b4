import { createServer } from 'node:http'
import { type AddressInfo, connect, Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import { systemRuntime } from '../../src/runtime/index.js'
import { Tally } from '../rooms/index.js'
import { type SignalServer, type StartSignalOptions, startSignalServer } from '../server.js'
import { joinMessage, joinRequest, upgradeRequest } from '../testing/raw-request.js'
import { refuseUpgrade } from './opening-handshake.js'
import { ReadingShare, ReadingTurns } from './reading-turns.js'
import { UpgradeLane } from './upgrade-lane.js'

const servers: SignalServer[] = []
const sockets: Socket[] = []

async function start(options: StartSignalOptions = {}): Promise<SignalServer> {
  const server = await startSignalServer({ port: 0, log: () => {}, ...options })
  servers.push(server)
  return server
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

/** A bare connection, what came on it, and whether it is closed. */
function dial(port: number): { socket: Socket; got: () => string; closed: () => boolean } {
  let got = ''
  let closed = false
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  sockets.push(socket)
  socket.on('data', (chunk: Buffer) => {
    got += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    closed = true
  })
  return { socket, got: () => got, closed: () => closed }
}

const join = joinMessage('a', 'room')
const withJoin = joinRequest('a', 'room')

describe('a connection', () => {
  it("takes the lane when its head is plain, and is Node's when it is not", async () => {
    const http = createServer()
    const ways: string[] = []
    const runtime = systemRuntime()
    const lane = new UpgradeLane(http, runtime, {
      turns: new ReadingTurns(runtime, new Tally()),
      arrives: () => true,
      shareOf: () => new ReadingShare(100, 0),
      admit: ({ url }, socket) => {
        ways.push(`lane ${url}`)
        socket.destroy()
        return true
      },
    })
    http.on('upgrade', ({ url }, socket) => {
      ways.push(`Node ${url}`)
      socket.destroy()
    })
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    const { port } = http.address() as AddressInfo
    for (const head of [upgradeRequest('/plain'), upgradeRequest('/other', 'X_A:b')]) {
      const { socket, closed } = dial(port)
      socket.write(head)
      await expect.poll(closed).toBe(true)
    }
    expect(ways).toEqual(['lane /plain', 'Node /other'])
    lane.close()
    await new Promise((resolve) => http.close(resolve))
  })

  it('that waits for its turn loses nothing of what comes meanwhile', () => {
    const admitted: string[] = []
    const runtime = systemRuntime()
    let now = 0
    // Each look at the clock is a second after the one before: one first word fills a turn.
    const slow = { ...runtime, now: () => (now += 1_000) }
    const lane = new UpgradeLane(createServer(), slow, {
      turns: new ReadingTurns(runtime, new Tally()),
      arrives: () => true,
      shareOf: () => new ReadingShare(100, 0),
      admit: ({ url }, _socket, rest) => {
        admitted.push(`${url} ${rest.toString()}`)
        return true
      },
    })
    const [first, second] = [new Socket(), new Socket()]
    sockets.push(first, second)
    lane.data(Buffer.from(upgradeRequest('/first')), first)
    lane.data(Buffer.from(upgradeRequest('/second')), second)
    expect(second.isPaused()).toBe(false)
    lane.data(Buffer.from('more'), second)
    expect(second.isPaused()).toBe(true)
    expect(admitted).toEqual(['/first '])
    return expect.poll(() => [...admitted, second.isPaused()]).toEqual(['/first ', '/second more', false])
  })

  it.each<[string, string]>([
    ['in one piece', withJoin],
    ['with a header that only Node reads', withJoin.replace('\r\n\r\n', '\r\nX_A:b\r\n\r\n')],
  ])('joins with an upgrade %s', async (_how, head) => {
    const server = await start()
    const { socket, got } = dial(server.port)
    socket.write(head)
    await expect.poll(got).toContain('101 Switching Protocols')
    await expect.poll(() => server.tally.joins).toBe(1)
  })

  it('joins with an upgrade that comes byte by byte', async () => {
    const server = await start()
    const { socket, got } = dial(server.port)
    for (const byte of withJoin) {
      socket.write(byte)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await expect.poll(got).toContain('101 Switching Protocols')
    await expect.poll(() => server.tally.joins).toBe(1)
  })

  it.each<[string, string]>([
    ['with the head', upgradeRequest()],
    ['with a head that Node reads', upgradeRequest('/', 'X_A: b')],
  ])('is heard from its first frame on, also when that comes %s', async (_how, head) => {
    const server = await start()
    const { socket } = dial(server.port)
    const frame = Buffer.concat([Buffer.from([0x82, 0x80 | join.byteLength, 0, 0, 0, 0]), Buffer.from(join)])
    socket.write(Buffer.concat([Buffer.from(head), frame]))
    await expect.poll(() => server.tally.joins).toBe(1)
  })

  it('may ask for pages as ever, several one after the other', async () => {
    const { port } = await start()
    const { socket, got } = dial(port)
    const request = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'
    socket.write(request + request)
    await expect.poll(() => got().split('{"alive":true}').length).toBe(3)
    socket.write(request)
    await expect.poll(() => got().split('{"alive":true}').length).toBe(4)
  })

  it('may ask for a page in the middle of a long body', async () => {
    const { port } = await start()
    const { socket, got } = dial(port)
    socket.write('POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n')
    socket.write(Buffer.alloc(1_000_000))
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await expect.poll(() => got().split('{"alive":true}').length).toBe(3)
  })

  it('is told 404 for a path that nobody knows, and 400 for what is no HTTP', async () => {
    const { port } = await start()
    const unknown = dial(port)
    unknown.socket.write(upgradeRequest('/other'))
    await expect.poll(unknown.got).toContain('404 Not Found')
    const nonsense = dial(port)
    nonsense.socket.write('hello\r\n\r\n')
    await expect.poll(nonsense.got).toContain('400 Bad Request')
  })

  it('is ended when it says nothing, and when it says half a head', async () => {
    const { port } = await start({ limits: { handshakeMilliseconds: 500 } })
    const silent = dial(port)
    const half = dial(port)
    half.socket.write(upgradeRequest().slice(0, 40))
    await expect.poll(() => silent.closed() && half.closed()).toBe(true)
  })

  it('that only looks whether the port is open leaves nothing behind', async () => {
    const server = await start()
    const { socket, closed } = dial(server.port)
    socket.on('connect', () => socket.end())
    await expect.poll(closed).toBe(true)
  })

  it('on which nothing came yet does not hold the server up that closes', async () => {
    const server = await start()
    const { socket, closed } = dial(server.port)
    await new Promise((resolve) => socket.on('connect', resolve))
    await server.close()
    await expect.poll(closed).toBe(true)
  })

  it('that asks for a thousand pages at once gets them all, few in one turn', async () => {
    const server = await start()
    const { socket, got } = dial(server.port)
    const pages = 1_000
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(pages))
    let most = 0
    let before = 0
    const handled = (): number => got().split('HTTP/1.1 200').length - 1
    while (handled() < pages) {
      await new Promise((resolve) => setImmediate(resolve))
      most = Math.max(most, handled() - before)
      before = handled()
    }
    expect(most).toBeLessThan(50)
  })

  // With few of them what is left fits into the buffer of a paused socket, which is read on and is not silent then.
  it.each([1_000, 2_000])(
    'that asks for %i pages and takes none is ended, though it says more',
    async (pages) => {
      const { port } = await start({ limits: { handshakeMilliseconds: 500 } })
      const { socket, closed } = dial(port)
      socket.pause()
      socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(pages))
      // Not before the server has given up: a paused socket hears of its end when it is written to.
      const probe = setInterval(() => socket.write('\r\n'), 100)
      await expect.poll(closed).toBe(true)
      clearInterval(probe)
    },
  )
})

it('a refused upgrade whose peer reads nothing is cut off', async () => {
  const stuck = new Duplex({ read() {}, write() {} })
  refuseUpgrade(stuck, '404 Not Found')
  await expect.poll(() => stuck.destroyed).toBe(true)
})
