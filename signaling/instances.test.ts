import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { protocolVersion } from '../src/wire/index.js'
import { mintToken } from './mint-token.js'
import { type SignalServer, type StartSignalOptions, startSignalServer } from './server.js'
import { InstanceProcess } from './testing/instance-process.js'
import { RawPeer, tab } from './testing/raw-peer.js'
import { RedisServer } from './testing/redis-server.js'

let redis: RedisServer
const servers: SignalServer[] = []

beforeAll(async () => {
  redis = await RedisServer.start()
})
afterAll(() => redis.stop())
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

async function start(options: StartSignalOptions = {}): Promise<SignalServer> {
  const server = await startSignalServer({ port: 0, redis: redis.url, log: () => {}, ...options })
  servers.push(server)
  await expect.poll(async () => (await fetch(`http://127.0.0.1:${server.port}/readyz`)).status).toBe(200)
  return server
}

it('two instances on one Redis are one service', async () => {
  const [one, two] = [await start(), await start()]
  const a = await RawPeer.join(one.url, 'both', 'a')
  const b = new RawPeer(two.url)
  await b.opened()
  b.send({ type: 'signal.join', protocol: protocolVersion, room: 'both', peer: tab('b'), token: null })
  expect((await b.next('signal.welcome')).peers).toEqual([tab('a')])
  expect((await a.next('signal.joined')).peer).toEqual(tab('b'))
  a.send({ type: 'signal.offer', to: 'b', payload: new Uint8Array([1]) })
  expect([...(await b.next('signal.offered')).payload]).toEqual([1])
  for (let n = 0; n < 100; n++)
    b.send({ type: 'signal.relay', to: 'a', frame: new Uint8Array(60_000).fill(n) })
  for (let n = 0; n < 100; n++) expect((await a.next('signal.relayed')).frame[59_999]).toBe(n)
  b.send({ type: 'signal.leave' })
  expect(await a.next('signal.closed')).toMatchObject({ peer: 'b', clean: true })
  a.send({ type: 'signal.offer', to: 'b', payload: new Uint8Array() })
  expect((await a.next('signal.unreachable')).peer).toBe('b')
})

it('a peer that moves to another instance is there, and its old socket is closed', async () => {
  const [one, two] = [await start(), await start()]
  const witness = await RawPeer.join(one.url, 'move', 'w')
  const old = await RawPeer.join(one.url, 'move', 'a')
  await witness.next('signal.joined')
  const moved = await RawPeer.join(two.url, 'move', 'a')
  expect(await old.closed).toBe(4002)
  await witness.next('signal.joined')
  witness.send({ type: 'signal.offer', to: 'a', payload: new Uint8Array([1]) })
  await moved.next('signal.offered')
  await witness.settled()
  expect(witness.got).toEqual([])
})

it('a token that is spent at one instance is spent at all', async () => {
  const key = 'a key that is long enough: 32 bytes, and more'
  const [one, two] = [await start({ key }), await start({ key })]
  const token = await mintToken({ key, room: 'spent' })
  const a = await RawPeer.join(one.url, 'spent', 'a', token)
  a.send({ type: 'signal.leave' })
  await a.closed
  const replay = await new RawPeer(two.url).opened()
  replay.send({ type: 'signal.join', protocol: protocolVersion, room: 'spent', peer: tab('a'), token })
  expect((await replay.next('signal.refused')).error).toBe('Unauthorized')
})

it('a token that is spent stays spent when Redis has forgotten all', async () => {
  const key = 'a key that is long enough: 32 bytes, and more'
  const [one, two] = [await start({ key }), await start({ key })]
  const token = await mintToken({ key, room: 'spent' })
  const answer = async (id: string): Promise<string> => {
    const peer = await new RawPeer(two.url).opened()
    peer.send({ type: 'signal.join', protocol: protocolVersion, room: 'spent', peer: tab(id), token })
    await expect.poll(() => peer.got.length, { interval: 5 }).toBe(1)
    return peer.got[0]?.type as string
  }
  const leave = async (id: string): Promise<void> => {
    const peer = await RawPeer.join(one.url, 'spent', id, token)
    peer.send({ type: 'signal.leave' })
    await peer.closed
  }
  const bus = async (server: SignalServer) =>
    (await (await fetch(`http://127.0.0.1:${server.port}/readyz`)).json()).bus
  await leave('before')
  await redis.kill()
  await expect.poll(() => bus(one)).toBe('down')
  await leave('meanwhile')
  await redis.restart()
  for (const server of [one, two]) await expect.poll(() => bus(server)).toBe('up')
  const told = async () => await redis.command('KEYS', 'ringmesh:remember:*')
  await expect.poll(told).toHaveLength(2)
  expect([await answer('before'), await answer('meanwhile')]).toEqual(['signal.refused', 'signal.refused'])
  expect(await answer('another')).toBe('signal.welcome')
  const [kept] = (await told()) as string[]
  const left = Number(await redis.command('PTTL', kept as string))
  expect(left).toBeGreaterThan(86_000_000)
  expect(left).toBeLessThanOrEqual(86_405_000)
})

it('without Redis rooms go on within an instance, and together again when it is back', async () => {
  const [one, two] = [await start(), await start()]
  const a = await RawPeer.join(one.url, 'gone', 'a')
  const far = await RawPeer.join(two.url, 'gone', 'far')
  await a.next('signal.joined')
  await redis.kill()
  await expect
    .poll(async () => (await (await fetch(`http://127.0.0.1:${one.port}/readyz`)).json()).bus)
    .toBe('down')
  const near = await RawPeer.join(one.url, 'gone', 'near')
  expect((await a.next('signal.joined')).peer.id).toBe('near')
  near.send({ type: 'signal.offer', to: 'a', payload: new Uint8Array([1]) })
  await a.next('signal.offered')
  a.send({ type: 'signal.offer', to: 'far', payload: new Uint8Array([1]) })
  expect((await a.next('signal.unreachable')).peer).toBe('far')
  await redis.restart()
  expect((await far.next('signal.joined', ({ peer }) => peer.id === 'near')).peer.id).toBe('near')
  await expect
    .poll(async () => {
      a.send({ type: 'signal.offer', to: 'far', payload: new Uint8Array([2]) })
      await far.settled()
      return far.got.some(({ type }) => type === 'signal.offered')
    })
    .toBe(true)
  expect(a.socket.readyState).toBe(a.socket.OPEN)
  expect(a.got.filter(({ type }) => type === 'signal.closed' || type === 'signal.refused')).toEqual([])
})

it('an instance that is killed takes its sockets with it and nothing else', async () => {
  const survivor = await start()
  const doomed = await InstanceProcess.start({ redis: redis.url })
  try {
    const [a, b] = [
      await RawPeer.join(survivor.url, 'killed', 'a'),
      await RawPeer.join(doomed.url, 'killed', 'b'),
    ]
    const c = await RawPeer.join(doomed.url, 'killed', 'c')
    await a.next('signal.joined', ({ peer }) => peer.id === 'c')
    await doomed.kill()
    await Promise.all([b.closed, c.closed])
    const back = await RawPeer.join(survivor.url, 'killed', 'b')
    expect((await a.next('signal.joined', ({ peer }) => peer.id === 'b')).peer).toEqual(tab('b'))
    a.send({ type: 'signal.offer', to: 'b', payload: new Uint8Array([1]) })
    await back.next('signal.offered')
    // Only the one that did not come back is hinted at, when the instance's key has expired.
    expect((await a.next('signal.closed')).peer).toBe('c')
    const late = await RawPeer.join(survivor.url, 'killed', 'late')
    await a.next('signal.joined', ({ peer }) => peer.id === 'late')
    late.close()
  } finally {
    await doomed.kill()
  }
})
