import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { type StartSignalOptions, startSignalServer } from './server.js'
import { RawPeer } from './testing/raw-peer.js'
import { StartedServers } from './testing/started-servers.js'

const servers = new StartedServers()
const start = (options?: StartSignalOptions) => servers.start(options)
afterEach(() => servers.close())

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

  it('has stopped as soon as it is closed, however long its peers were given', async () => {
    const server = await start({ drainMilliseconds: 3_600_000 })
    const a = await RawPeer.join(server.url, 'room', 'a')
    const stopped = server.stop()
    await a.next('signal.draining')
    await server.close()
    expect(await a.closed).toBe(1012)
    await stopped
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
    // A peer sees its end before the server has told of it, where many go at once.
    await expect.poll(() => server.connections).toBe(1)
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
