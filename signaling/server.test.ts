import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import {
  encodeMessage,
  joinedProtocol,
  joinProtocols,
  packValue,
  protocolVersion,
} from '../src/wire/index.js'
import { type SignalServer, type StartSignalOptions, startSignalServer } from './server.js'
import { RawPeer, tab } from './testing/raw-peer.js'

const servers: SignalServer[] = []
const lines: { level: string; message: string; details: Readonly<Record<string, unknown>> }[] = []

async function start(options: StartSignalOptions = {}): Promise<SignalServer> {
  const server = await startSignalServer({
    port: 0,
    drainMilliseconds: 500,
    log: (level, message, details = {}) => lines.push({ level, message, details }),
    ...options,
  })
  servers.push(server)
  return server
}

/** The reasons of the refusals in the log. */
function refusals(): unknown[] {
  return lines.flatMap(({ details }) => ('reason' in details ? [details.reason] : []))
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
  lines.length = 0
})

describe('a room', () => {
  it('tells a newcomer of those inside, and those inside of the newcomer', async () => {
    const { url } = await start()
    const a = await RawPeer.join(url, 'room', 'a')
    const b = new RawPeer(url)
    await b.opened()
    b.send({ type: 'signal.join', protocol: protocolVersion, room: 'room', peer: tab('b'), token: null })
    expect((await b.next('signal.welcome')).peers).toEqual([tab('a')])
    expect((await a.next('signal.joined')).peer).toEqual(tab('b'))
  })

  it('carries offers and relay frames, unaltered and in order', async () => {
    const { url } = await start()
    const a = await RawPeer.join(url, 'room', 'a')
    const b = await RawPeer.join(url, 'room', 'b')
    a.send({ type: 'signal.offer', to: 'b', payload: new Uint8Array([1, 2]) })
    const large = Uint8Array.from({ length: 64 * 1024 }, (_, index) => index % 251)
    a.send({ type: 'signal.relay', to: 'b', frame: large })
    a.send({ type: 'signal.relay', to: 'b', frame: new Uint8Array([3]) })
    const { from, payload } = await b.next('signal.offered')
    expect([from, ...payload]).toEqual(['a', 1, 2])
    expect(Buffer.compare((await b.next('signal.relayed')).frame, large)).toBe(0)
    expect([...(await b.next('signal.relayed')).frame]).toEqual([3])
  })

  it('keeps rooms apart', async () => {
    const { url } = await start()
    const a = await RawPeer.join(url, 'one', 'a')
    const b = await RawPeer.join(url, 'two', 'b')
    b.send({ type: 'signal.offer', to: 'a', payload: new Uint8Array() })
    expect((await b.next('signal.unreachable')).peer).toBe('a')
    await a.settled()
    expect(a.got).toEqual([])
  })

  it('hints when a socket is gone, and says when its peer said goodbye', async () => {
    const { url } = await start()
    const a = await RawPeer.join(url, 'room', 'a')
    const b = await RawPeer.join(url, 'room', 'b')
    const c = await RawPeer.join(url, 'room', 'c')
    b.kill()
    expect(await a.next('signal.closed')).toMatchObject({ peer: 'b', clean: false })
    c.send({ type: 'signal.leave' })
    expect(await a.next('signal.closed')).toMatchObject({ peer: 'c', clean: true })
    expect(await c.closed).toBe(1000)
  })

  it('lets a peer that is back on a new socket replace the old one, without a hint of its end', async () => {
    const { url } = await start()
    const a = await RawPeer.join(url, 'room', 'a')
    const old = await RawPeer.join(url, 'room', 'b')
    await a.next('signal.joined')
    const back = await RawPeer.join(url, 'room', 'b')
    expect(await old.closed).toBe(4002)
    await a.next('signal.joined')
    a.send({ type: 'signal.offer', to: 'b', payload: new Uint8Array([7]) })
    await back.next('signal.offered')
    await a.settled()
    expect(a.got).toEqual([])
  })
})

describe('a join within the request', () => {
  const joining = (id: string, token: string | null = null): string[] =>
    joinProtocols(
      encodeMessage({ type: 'signal.join', protocol: protocolVersion, room: 'room', peer: tab(id), token }),
    )

  it('is welcomed without a frame, and is a peer as any other', async () => {
    const { url } = await start()
    const a = await RawPeer.join(url, 'room', 'a')
    const b = new RawPeer(url, {}, joining('b'))
    expect((await b.next('signal.welcome')).peers).toEqual([tab('a')])
    expect(b.socket.protocol).toBe(joinedProtocol)
    expect((await a.next('signal.joined')).peer).toEqual(tab('b'))
    b.send({ type: 'signal.offer', to: 'a', payload: new Uint8Array([1]) })
    expect([...(await a.next('signal.offered')).payload]).toEqual([1])
    b.send({ type: 'signal.join', protocol: protocolVersion, room: 'room', peer: tab('b'), token: null })
    expect((await b.next('signal.refused')).error).toBe('BadFrame')
  })

  it('is asked for its token and its origin like one in a frame', async () => {
    const { url } = await start({ key: 'a key that is long enough: 32 bytes, and more' })
    expect((await new RawPeer(url, {}, joining('a', 'none')).next('signal.refused')).error).toBe(
      'Unauthorized',
    )
    const strict = await start({ origins: ['https://app.example'] })
    const page = new RawPeer(strict.url, { origin: 'https://evil.example' }, joining('a'))
    expect((await page.next('signal.refused')).error).toBe('Unauthorized')
    expect(await page.closed).toBe(4001)
    expect(page.got).toEqual([])
  })

  it('that is none is refused, whatever it holds', async () => {
    const { url } = await start()
    for (const wrong of [
      ['ringmesh.join'],
      ['ringmesh.join', 'ringmesh.join.A'],
      ['ringmesh.join', 'ringmesh.join.wQ'],
    ]) {
      const peer = new RawPeer(url, {}, wrong)
      expect((await peer.next('signal.refused')).error).toBe('BadFrame')
    }
  })
})

describe('what is refused, and why', () => {
  it('a version of the protocol that is not ours, whatever else its join holds', async () => {
    const { url } = await start()
    for (const tuple of [
      [112, protocolVersion + 1, 'room', tab('a'), null],
      [112, protocolVersion + 1, 'of', 'a', 'later', 'shape'],
    ]) {
      const peer = await new RawPeer(url).opened()
      peer.socket.send(packValue(tuple))
      expect((await peer.next('signal.refused')).error).toBe('ProtocolMismatch')
      expect(await peer.closed).toBe(4001)
    }
    expect(refusals()).toEqual(['protocol', 'protocol'])
  })

  it('a frame that is none: the socket closes, everybody else goes on', async () => {
    const { url, tally } = await start()
    const a = await RawPeer.join(url, 'room', 'a')
    const inside = await RawPeer.join(url, 'room', 'inside')
    const frames: (string | Uint8Array)[] = [
      'text',
      new Uint8Array(),
      new Uint8Array([0xc1]),
      packValue([119, 1]),
    ]
    for (const frame of frames) {
      const peer = await new RawPeer(url).opened()
      peer.socket.send(frame)
      expect((await peer.next('signal.refused')).error).toBe('BadFrame')
    }
    inside.socket.send(packValue([113, 'a', 'no bytes']))
    expect((await inside.next('signal.refused')).error).toBe('BadFrame')
    expect(await a.next('signal.closed')).toMatchObject({ peer: 'inside', clean: false })
    await a.settled()
    expect(tally.refusals.get('bad-frame')).toBe(5)
  })

  it('a join of the wrong shape, without writing what stood in it into the log', async () => {
    const { url } = await start()
    for (const fields of [
      ['secret-room', 'secret-peer', 'secret-token'],
      ['room', { ...tab('a'), kind: 'secret-kind' }, null],
      ['room', { ...tab('a'), weight: 'secret-weight' }, null],
    ]) {
      const peer = await new RawPeer(url).opened()
      peer.socket.send(packValue([112, protocolVersion, ...fields]))
      const { error, detail } = await peer.next('signal.refused')
      expect(error).toBe('BadFrame')
      expect(detail).toContain('signal.join: peer')
    }
    expect(JSON.stringify(lines)).not.toContain('secret')
  })

  it('a room that is half a character, which several names would share', async () => {
    const { url } = await start()
    const peer = await new RawPeer(url).opened()
    peer.socket.send(packValue([112, protocolVersion, 'room-\ud800', tab('a'), null]))
    expect((await peer.next('signal.refused')).error).toBe('BadFrame')
    await RawPeer.join(url, 'room \u{1F600} \n\u202e/../*', 'a')
  })

  it('a first frame that is not a join', async () => {
    const { url } = await start()
    const peer = await new RawPeer(url).opened()
    peer.send({ type: 'signal.offer', to: 'a', payload: new Uint8Array() })
    expect((await peer.next('signal.refused')).error).toBe('BadFrame')
  })

  it('a token of a megabyte, with its reason', async () => {
    const { url } = await start()
    const peer = await new RawPeer(url).opened()
    peer.socket.send(packValue([112, protocolVersion, 'room', tab('a'), 'x'.repeat(2 ** 20)]))
    expect((await peer.next('signal.refused')).error).toBe('Unauthorized')
    const other = await new RawPeer(url).opened()
    other.socket.send(packValue([112, protocolVersion, 'room', tab('a'), 'x'.repeat(17 * 1024)]))
    expect((await other.next('signal.refused')).error).toBe('Unauthorized')
    expect(refusals()).toEqual(['token-too-long', 'token-too-long'])
  })

  it('a frame over the limit, after the join', async () => {
    const { url } = await start()
    const peer = await RawPeer.join(url, 'room', 'a')
    peer.send({ type: 'signal.relay', to: 'b', frame: new Uint8Array(70 * 1024) })
    expect((await peer.next('signal.refused')).error).toBe('BadFrame')
  })

  it('a peer too many, but not one that comes back', async () => {
    const { url } = await start({ limits: { peersPerRoom: 2, rooms: 1 } })
    await RawPeer.join(url, 'room', 'a')
    await RawPeer.join(url, 'room', 'b')
    await RawPeer.join(url, 'room', 'b')
    for (const room of ['room', 'another']) {
      const peer = await new RawPeer(url).opened()
      peer.send({ type: 'signal.join', protocol: protocolVersion, room, peer: tab('c'), token: null })
      expect((await peer.next('signal.refused')).error).toBe('RoomFull')
    }
    expect(refusals()).toEqual(['room-full', 'too-many-rooms'])
  })

  it('a connection too many, in all or from one address', async () => {
    const { url } = await start({ limits: { connectionsPerAddress: 1 } })
    const first = await RawPeer.join(url, 'room', 'a')
    expect(await new RawPeer(url).status).toBe(429)
    first.close()
    await first.closed
    await RawPeer.join(url, 'room', 'b')
    const full = await start({ limits: { connections: 1 } })
    await RawPeer.join(full.url, 'room', 'a')
    expect(await new RawPeer(full.url).status).toBe(503)
    expect(refusals()).toEqual(['too-many-connections-from-address', 'too-many-connections'])
  })

  it('more new connections from one address than its rate allows', async () => {
    const { url } = await start({ limits: { newConnectionsPerAddress: 1 } })
    const statuses: number[] = []
    while (statuses.at(-1) !== 429 && statuses.length < 50) {
      const peer = new RawPeer(url)
      statuses.push(await peer.status)
      peer.close()
    }
    expect(statuses.length).toBeGreaterThan(10)
    expect(refusals()).toEqual(['too-many-new-connections-from-address'])
    await expect.poll(() => new RawPeer(url).status, { timeout: 10_000 }).toBe(101)
  })

  it('a socket that says nothing', async () => {
    const { url } = await start({ limits: { handshakeMilliseconds: 100 } })
    const peer = await new RawPeer(url).opened()
    expect((await peer.next('signal.refused')).error).toBe('Busy')
    expect(refusals()).toEqual(['handshake-timeout'])
  })
})

describe('limits while it runs', () => {
  it('slows a sender down that is over its rate, and loses nothing', async () => {
    const { url, tally } = await start({ limits: { framesPerSecond: 200 } })
    const a = await RawPeer.join(url, 'room', 'a')
    const b = await RawPeer.join(url, 'room', 'b')
    const before = performance.now()
    for (let n = 0; n < 600; n++) a.send({ type: 'signal.relay', to: 'b', frame: new Uint8Array([n & 255]) })
    for (let n = 0; n < 600; n++) expect((await b.next('signal.relayed')).frame[0]).toBe(n & 255)
    await a.settled()
    expect(performance.now() - before).toBeGreaterThan(500)
    expect(tally.throttledByFrames).toBeGreaterThan(0)
  })

  it('cuts off a peer that does not read, and nobody else', async () => {
    const { url, tally } = await start({
      limits: { bufferedBytes: 256 * 1024, bytesPerSecond: 2 ** 30, relayBytesPerSecond: 2 ** 30 },
    })
    const a = await RawPeer.join(url, 'room', 'a')
    const slow = await RawPeer.join(url, 'room', 'slow')
    slow.socket.pause()
    let gone = false
    const hint = a.next('signal.closed').then(() => {
      gone = true
    })
    while (!gone) {
      a.send({ type: 'signal.relay', to: 'slow', frame: new Uint8Array(60_000) })
      await a.settled()
    }
    await hint
    expect(tally.slowConsumers).toBe(1)
    slow.kill()
  })

  it('cuts off a socket that has fallen silent, but not one that answers pings', async () => {
    const { url, tally } = await start({ limits: { idleMilliseconds: 1_500 } })
    const a = await RawPeer.join(url, 'room', 'a')
    const frozen = await RawPeer.join(url, 'room', 'frozen')
    frozen.socket.pause()
    expect(await a.next('signal.closed')).toMatchObject({ peer: 'frozen' })
    await a.settled()
    expect(tally.idle).toBe(1)
    frozen.kill()
  })
})

describe('the server', () => {
  it('says in one typed error that a port is taken', async () => {
    const { port } = await start()
    await expect(startSignalServer({ port })).rejects.toMatchObject({
      name: 'InvalidOption',
      message: `signal.port: must be a port that is free, but got ${port}`,
    })
  })

  it('will not listen for the world without a key', async () => {
    await expect(startSignalServer({ port: 0, host: '0.0.0.0' })).rejects.toMatchObject({
      name: 'InvalidOption',
    })
    const { port } = await start({ host: '0.0.0.0', open: true })
    await RawPeer.join(`ws://127.0.0.1:${port}`, 'room', 'a')
  })

  it('shares a server with others: takes its path and leaves the rest', async () => {
    const http = createServer((_request, response) => response.end('demo'))
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
    try {
      const signal = await start({ server: http, path: '/signal' })
      const { port } = http.address() as AddressInfo
      expect(signal.url).toBe(`ws://127.0.0.1:${port}/signal`)
      const peer = await RawPeer.join(signal.url, 'room', 'a')
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('demo')
      expect(await new RawPeer(`ws://127.0.0.1:${port}/other`).status).toBe(404)
      await signal.close()
      expect(await peer.closed).toBe(1012)
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('demo')
    } finally {
      await new Promise((resolve) => http.close(resolve))
    }
  })

  it('stops gracefully: tells its peers to move, waits for them, lets nobody in', async () => {
    const server = await start({ drainMilliseconds: 60_000 })
    const a = await RawPeer.join(server.url, 'room', 'a')
    const stopped = server.stop()
    await a.next('signal.draining')
    expect(await new RawPeer(server.url).status).toBe(503)
    a.close()
    await stopped
    await expect(new RawPeer(server.url).opened()).rejects.toThrow()
  })

  it('does not wait for ever for peers that will not move', async () => {
    const server = await start({ drainMilliseconds: 100 })
    const a = await RawPeer.join(server.url, 'room', 'a')
    await server.stop()
    expect(await a.closed).toBe(1012)
  })

  it('answers to connections that stall at any stage by closing them', async () => {
    const server = await start({ limits: { handshakeMilliseconds: 200 } })
    const healthy = await RawPeer.join(server.url, 'room', 'a')
    const upgrade = `GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`
    const stages = ['', 'GET / HT', upgrade, `${upgrade}\x82`, `${upgrade}\x82\xfe\x01\x00abcd`]
    const ends = stages.map(
      (stage) =>
        new Promise<void>((resolve) => {
          const socket = connect(server.port, '127.0.0.1', () => socket.write(stage, 'latin1'))
          socket.on('data', () => {})
          socket.on('error', () => {})
          socket.on('close', () => resolve())
        }),
    )
    await Promise.all(ends)
    await healthy.settled()
    expect(server.connections).toBe(1)
  })
})

it('lets go of a socket whose upgrade it refused, though its peer never closes', async () => {
  const http = createServer()
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  await start({ server: http })
  const { port } = http.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const answered = new Promise((resolve) => socket.once('data', resolve))
  socket.write('GET /elsewhere HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
  expect(String(await answered)).toMatch(/^HTTP\/1.1 404 /)
  const open = (): Promise<number> =>
    new Promise((resolve) => http.getConnections((_error, count) => resolve(count)))
  await expect.poll(open).toBe(0)
  socket.destroy()
  http.close()
})

it('is a WebSocket like any other to a client that has only the standard', async () => {
  const { url } = await start()
  const socket = new WebSocket(url)
  await new Promise((resolve) => socket.once('open', resolve))
  socket.close()
  await new Promise((resolve) => socket.once('close', resolve))
})
