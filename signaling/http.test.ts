import { request } from 'node:http'
import { Socket } from 'node:net'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type SignalServer, type StartSignalOptions, startSignalServer } from './server.js'
import { RawPeer } from './testing/raw-peer.js'

const servers: SignalServer[] = []

async function start(options: StartSignalOptions = {}): Promise<{ server: SignalServer; at: string }> {
  const server = await startSignalServer({ port: 0, log: () => {}, ...options })
  servers.push(server)
  return { server, at: `http://127.0.0.1:${server.port}` }
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

/** The samples of a Prometheus answer: name with labels → value. */
async function metrics(at: string): Promise<Map<string, number>> {
  const text = await (await fetch(`${at}/metrics`)).text()
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    samples.map((line) => {
      const space = line.lastIndexOf(' ')
      return [line.slice(0, space), Number(line.slice(space + 1))]
    }),
  )
}

describe('the watch-tower', () => {
  it('says that it is alive, and whether it takes peers', async () => {
    const { server, at } = await start({ drainMilliseconds: 60_000 })
    expect(await (await fetch(`${at}/healthz`)).json()).toEqual({ alive: true })
    await expect.poll(async () => (await fetch(`${at}/readyz`)).status).toBe(200)
    const peer = await RawPeer.join(server.url, 'room', 'a')
    const stopped = server.stop()
    const unready = await fetch(`${at}/readyz`)
    expect(unready.status).toBe(503)
    expect(await unready.json()).toMatchObject({ ready: false, reason: 'draining' })
    peer.close()
    await stopped
  })

  it('is not let wait by Nagle', async () => {
    const told = vi.spyOn(Socket.prototype, 'setNoDelay')
    try {
      const { server, at } = await start()
      await (await fetch(`${at}/healthz`)).json()
      expect((told.mock.contexts as Socket[]).map((socket) => socket.localPort)).toContain(server.port)
    } finally {
      told.mockRestore()
    }
  })

  it('answers also where the PeerJS door has the root, as it has by default at PeerServer', async () => {
    const { at } = await start({ peerjs: { path: '/' } })
    expect(await (await fetch(`${at}/healthz`)).json()).toEqual({ alive: true })
    expect((await metrics(at)).get('ringmesh_signal_bus_up')).toBe(1)
    expect(await (await fetch(`${at}/`)).json()).toMatchObject({ name: 'PeerJS Server' })
  })

  it('is not ready before it has once found its Redis', async () => {
    const { at } = await start({ redis: 'redis://127.0.0.1:9' })
    const unready = await fetch(`${at}/readyz`)
    expect(unready.status).toBe(503)
    expect(await unready.json()).toMatchObject({ ready: false, bus: 'down' })
  })

  it('counts what happens, each limit and each refusal by its name', async () => {
    const { server, at } = await start({ limits: { connectionsPerAddress: 2, framesPerSecond: 10 } })
    const a = await RawPeer.join(server.url, 'room', 'a')
    const b = await RawPeer.join(server.url, 'room', 'b')
    await new RawPeer(server.url).status
    a.send({ type: 'signal.offer', to: 'b', payload: new Uint8Array([1]) })
    a.send({ type: 'signal.relay', to: 'b', frame: new Uint8Array(1_000) })
    a.send({ type: 'signal.relay', to: 'nobody', frame: new Uint8Array(10) })
    await b.next('signal.relayed')
    await a.next('signal.unreachable')
    for (let n = 0; n < 30; n++) b.send({ type: 'signal.ping' })
    await b.settled()
    const seen = await metrics(at)
    const expected = {
      ringmesh_signal_connections_total: 2,
      ringmesh_signal_open_connections: 2,
      ringmesh_signal_joins_total: 2,
      ringmesh_signal_rooms: 1,
      ringmesh_signal_offers_total: 1,
      ringmesh_signal_relay_frames_total: 2,
      ringmesh_signal_relay_bytes_total: 1_010,
      ringmesh_signal_unreachable_total: 1,
      ringmesh_signal_bus_up: 1,
      'ringmesh_signal_refusals_total{reason="too-many-connections-from-address"}': 1,
      'ringmesh_signal_limit{limit="connectionsPerAddress"}': 2,
      'ringmesh_signal_limit{limit="idleMilliseconds"}': 30_000,
    }
    expect(Object.fromEntries(Object.keys(expected).map((name) => [name, seen.get(name)]))).toEqual(expected)
    expect(seen.get('ringmesh_signal_throttled_total{limit="framesPerSecond"}')).toBeGreaterThan(0)
    expect(seen.get('process_resident_memory_bytes')).toBeGreaterThan(1e6)
    // Collected twice, a counter does not count twice.
    expect((await metrics(at)).get('ringmesh_signal_joins_total')).toBe(2)
  })
})

describe('addresses', () => {
  it('are read from X-Forwarded-For only behind as many proxies as are trusted', async () => {
    const forwarded = { 'x-forwarded-for': 'made-up, 198.51.100.7, 10.0.0.1' }
    const open = async (url: string, headers: Record<string, string>): Promise<number> =>
      new RawPeer(url, headers).status
    const { server: direct } = await start({ limits: { connectionsPerAddress: 1 } })
    expect(await open(direct.url, forwarded)).toBe(101)
    expect(await open(direct.url, { 'x-forwarded-for': 'another' })).toBe(429)
    const { server: behindTwo } = await start({ trustedProxies: 2, limits: { connectionsPerAddress: 1 } })
    expect(await open(behindTwo.url, forwarded)).toBe(101)
    expect(await open(behindTwo.url, { 'x-forwarded-for': 'other, 198.51.100.7, 10.0.0.2' })).toBe(429)
    expect(await open(behindTwo.url, { 'x-forwarded-for': '198.51.100.8, 10.0.0.1' })).toBe(101)
  })

  it('are the same with any port that a proxy writes after them', async () => {
    const { server } = await start({ trustedProxies: 1, limits: { connectionsPerAddress: 1 } })
    const open = (address: string): Promise<number> =>
      new RawPeer(server.url, { 'x-forwarded-for': address }).status
    expect(await open('198.51.100.7:50001')).toBe(101)
    expect(await open('198.51.100.7:50002')).toBe(429)
    expect(await open('198.51.100.7')).toBe(429)
    expect(await open('[2001:db8::1]:50001')).toBe(101)
    expect(await open('[2001:db8::1]')).toBe(429)
    expect(await open('2001:db8::1')).toBe(429)
  })

  it('that are none count as the proxy that wrote them', async () => {
    const { server } = await start({ trustedProxies: 1, limits: { connectionsPerAddress: 1 } })
    const open = (address: string): Promise<number> =>
      new RawPeer(server.url, { 'x-forwarded-for': address }).status
    expect(await open('unknown')).toBe(101)
    expect(await open(`made-up-${'x'.repeat(4_000)}`)).toBe(429)
    expect(await open('127.0.0.1')).toBe(429)
  })

  it('of IPv6 count by their /64', async () => {
    const { server } = await start({ trustedProxies: 1, limits: { connectionsPerAddress: 1 } })
    const open = (address: string): Promise<number> =>
      new RawPeer(server.url, { 'x-forwarded-for': address }).status
    expect(await open('2001:db8:1:2::1')).toBe(101)
    expect(await open('2001:db8:1:2:3:4:5:6')).toBe(429)
    expect(await open('2001:db8:1:3::1')).toBe(101)
  })
})

it('answers 404 to what it does not know, and bad requests without falling', async () => {
  const { at, server } = await start()
  expect((await fetch(`${at}/nothing`)).status).toBe(404)
  const broken = request(`${at}/`, { method: 'BREW', insecureHTTPParser: true })
  await new Promise((resolve) => {
    broken.on('error', resolve)
    broken.on('response', resolve)
    broken.end()
  })
  await RawPeer.join(server.url, 'room', 'a')
})
