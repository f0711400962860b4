import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { mintToken } from '../mint-token.js'
import { type SignalServer, type StartSignalOptions, startSignalServer } from '../server.js'
import { RawPeer } from '../testing/raw-peer.js'
import { RawPeerJs } from '../testing/raw-peerjs.js'
import { RedisServer } from '../testing/redis-server.js'

const servers: SignalServer[] = []
const refusals: unknown[] = []

async function start(
  options: StartSignalOptions = {},
): Promise<{ server: SignalServer; ws: string; http: string }> {
  const server = await startSignalServer({
    port: 0,
    log: (_level, _message, details = {}) => {
      if ('reason' in details) refusals.push(details.reason)
    },
    ...options,
  })
  servers.push(server)
  const at = `127.0.0.1:${server.port}/peerjs`
  return { server, ws: `ws://${at}/peerjs`, http: `http://${at}` }
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()))
  refusals.length = 0
})

describe('the PeerJS door', () => {
  it('carries offers, answers and candidates, with the sender it knows and not the one it is told', async () => {
    const { ws } = await start()
    const [a, b] = [await RawPeerJs.open(ws, 'a'), await RawPeerJs.open(ws, 'b')]
    for (const type of ['OFFER', 'ANSWER', 'CANDIDATE', 'LEAVE']) {
      a.send({ type, dst: 'b', src: 'somebody else', payload: { sdp: 'x' }, extra: 1 })
      expect(await b.next(type)).toEqual({ type, src: 'a', dst: 'b', payload: { sdp: 'x' } })
    }
  })

  it('says OPEN again to a client that comes back with its token, and that its id is taken to another', async () => {
    const { ws } = await start()
    const old = await RawPeerJs.open(ws, 'a', 'secret')
    const thief = new RawPeerJs(ws, { key: 'peerjs', id: 'a', token: 'guess' })
    expect((await thief.next('ID-TAKEN')).payload).toEqual({ msg: 'ID is taken' })
    expect(await thief.closed).toBe(4001)
    const back = await RawPeerJs.open(ws, 'a', 'secret')
    await old.closed
    const b = await RawPeerJs.open(ws, 'b')
    b.send({ type: 'OFFER', dst: 'a', payload: 1 })
    await back.next('OFFER')
    expect(refusals).toEqual(['id-taken'])
  })

  it('keeps a message for somebody who comes in time, and says EXPIRE for who does not', async () => {
    const { ws } = await start()
    const a = await RawPeerJs.open(ws, 'a')
    a.send({ type: 'OFFER', dst: 'late', payload: 1 })
    a.send({ type: 'CANDIDATE', dst: 'late', payload: 2 })
    a.send({ type: 'OFFER', dst: 'never', payload: 3 })
    a.send({ type: 'CANDIDATE', dst: 'never', payload: 4 })
    a.send({ type: 'LEAVE', dst: 'never' })
    const late = await RawPeerJs.open(ws, 'late')
    expect((await late.next('OFFER')).payload).toBe(1)
    expect((await late.next('CANDIDATE')).payload).toBe(2)
    expect(await a.next('EXPIRE')).toEqual({ type: 'EXPIRE', src: 'never', dst: 'a' })
    expect(a.got).toEqual([])
  })

  it('bounds what waits for one who never comes', async () => {
    const { ws } = await start()
    const a = await RawPeerJs.open(ws, 'a')
    for (let n = 0; n < 100; n++) a.send({ type: 'CANDIDATE', dst: 'never', payload: n })
    await a.next('EXPIRE')
    await expect.poll(() => a.got.length).toBe(36)
  })

  it.each([
    ['text that is no JSON', 'no JSON', 'bad-frame'],
    ['JSON that is no message', '[1, 2]', 'bad-frame'],
    ['null', 'null', 'bad-frame'],
    ['bytes', Buffer.from([1, 2, 3]), 'bad-frame'],
    [
      'a payload nested deeper than any document',
      `{"type":"OFFER","dst":"b","payload":${'['.repeat(30_000)}${']'.repeat(30_000)}}`,
      'bad-frame',
    ],
    ['an id that is too long', `{"type":"OFFER","dst":"${'x'.repeat(300)}"}`, 'bad-frame'],
    [
      'a frame over the limit',
      `{"type":"OFFER","dst":"b","payload":"${'x'.repeat(70_000)}"}`,
      'frame-too-long',
    ],
  ])('ends a socket for %s, and nothing else', async (_name, frame, reason) => {
    const { ws } = await start()
    const [a, b] = [await RawPeerJs.open(ws, 'a'), await RawPeerJs.open(ws, 'b')]
    a.socket.send(frame)
    expect((await a.next('ERROR')).payload).toEqual({ msg: 'Invalid message' })
    await a.closed
    expect(refusals).toEqual([reason])
    b.send({ type: 'OFFER', dst: 'b', payload: 1 })
    await b.next('OFFER')
  })

  it('lets no client say that another cannot be reached, and ignores what it does not know', async () => {
    const { ws } = await start()
    const [a, b] = [await RawPeerJs.open(ws, 'a'), await RawPeerJs.open(ws, 'b')]
    for (const type of ['EXPIRE', 'OPEN', 'HEARTBEAT', 'ID-TAKEN', 'UNKNOWN'])
      a.send({ type, dst: 'b', payload: 1 })
    a.send({ type: 'OFFER', dst: 'b', payload: 1 })
    await b.next('OFFER')
    expect(b.got).toEqual([])
  })

  it('leaves a client be that calls nobody, or gives a number for an id', async () => {
    const { ws } = await start()
    const [a, b] = [await RawPeerJs.open(ws, 'a'), await RawPeerJs.open(ws, '12')]
    // A page whose visitor left the field of the id empty: PeerServer drops what it sends.
    for (const type of ['OFFER', 'CANDIDATE', 'ANSWER']) a.send({ type, dst: '', payload: 1 })
    a.send({ type: 'OFFER', dst: 12, payload: 2 })
    expect(await b.next('OFFER')).toEqual({ type: 'OFFER', src: 'a', dst: '12', payload: 2 })
    expect(a.got).toEqual([])
    expect(refusals).toEqual([])
  })

  it('refuses as PeerServer does', async () => {
    const { ws } = await start()
    for (const [query, msg] of [
      [{ id: 'a', key: 'peerjs' }, 'No id, token, or key supplied to websocket server'],
      [{ id: '', token: 't', key: 'peerjs' }, 'No id, token, or key supplied to websocket server'],
      [{ id: 'a', token: 't', key: 'other' }, 'Invalid key provided'],
      [{ id: 'a'.repeat(300), token: 't', key: 'peerjs' }, 'Invalid id provided'],
    ] as const) {
      const peer = new RawPeerJs(ws, query)
      expect((await peer.next('ERROR')).payload).toEqual({ msg })
      await peer.closed
    }
    expect(refusals).toEqual(['bad-frame', 'bad-frame', 'key', 'bad-frame'])
  })

  it('lets a client leave, and another take its id', async () => {
    const { ws } = await start()
    const a = await RawPeerJs.open(ws, 'a', 'one')
    a.send({ type: 'LEAVE' })
    await a.closed
    await RawPeerJs.open(ws, 'a', 'two')
  })

  it('wants a token that is signed where the server has a key', async () => {
    const key = 'a key that is long enough: 32 bytes, and more'
    const { ws } = await start({ key })
    const stock = new RawPeerJs(ws, { id: 'a', token: 'random', key: 'peerjs' })
    expect((await stock.next('ERROR')).payload).toEqual({ msg: 'Invalid token provided' })
    await RawPeerJs.open(ws, 'a', await mintToken({ key, room: 'peerjs/*', peer: 'a' }))
    const other = new RawPeerJs(ws, { id: 'b', token: await mintToken({ key, peer: 'a' }), key: 'peerjs' })
    expect((await other.next('ERROR')).payload).toEqual({ msg: 'Invalid token provided' })
    expect(refusals).toEqual(['token-malformed', 'token-peer'])
  })

  it('asks pages for their origin', async () => {
    const { ws } = await start({ origins: ['https://app.example'] })
    const query = { id: 'a', token: 't', key: 'peerjs' }
    expect(await new RawPeerJs(ws, query, { origin: 'https://evil.example' }).status).toBe(403)
    expect(await new RawPeerJs(ws, query, { origin: 'https://app.example' }).status).toBe(101)
  })

  it('is apart from the rooms of the mesh, whatever they are called', async () => {
    const { ws, server } = await start()
    const client = await RawPeerJs.open(ws, 'a')
    const peer = await RawPeer.join(server.url, 'peerjs', 'a')
    client.send({ type: 'OFFER', dst: 'a', payload: 1 })
    await client.next('OFFER')
    await peer.settled()
    expect(peer.got).toEqual([])
  })
})

describe("PeerServer's published HTTP side", () => {
  it('has a root, ids, and no discovery, with CORS', async () => {
    const { http } = await start()
    for (const path of ['', '/']) {
      const root = await fetch(`${http}${path}`, { headers: { origin: 'https://any.example' } })
      expect(root.headers.get('access-control-allow-origin')).toBe('https://any.example')
      expect(await root.json()).toEqual({
        name: 'PeerJS Server',
        description: 'A server side element to broker connections between PeerJS clients.',
        website: 'https://peerjs.com/',
      })
    }
    const ids = await Promise.all(
      [1, 2].map(async () => (await fetch(`${http}/peerjs/id?ts=1&version=1.5.5`)).text()),
    )
    expect(ids[0]).toMatch(/^[\w-]{36}$/)
    expect(ids[0]).not.toBe(ids[1])
    expect((await fetch(`${http}/peerjs/peers`)).status).toBe(401)
    expect((await fetch(`${http}/peerjs/peers`, { method: 'OPTIONS' })).status).toBe(204)
    expect((await fetch(`${http}/peerjs/other`)).status).toBe(404)
  })

  it('lists the ids where discovery is allowed', async () => {
    const { http, ws } = await start({ peerjs: { discovery: true } })
    await RawPeerJs.open(ws, 'a')
    await RawPeerJs.open(ws, 'b')
    expect(await (await fetch(`${http}/peerjs/peers`)).json()).toEqual(['a', 'b'])
    expect((await fetch(`${http}/other/peers`)).status).toBe(401)
  })

  it('lets only pages of the allowed origins read it', async () => {
    const { http } = await start({ origins: ['https://app.example'] })
    const allowed = async (origin: string): Promise<string | null> =>
      (await fetch(`${http}/peerjs/id`, { headers: { origin } })).headers.get('access-control-allow-origin')
    expect(await allowed('https://app.example')).toBe('https://app.example')
    expect(await allowed('https://evil.example')).toBe(null)
  })

  it('is not there when it is switched off', async () => {
    const { http, ws } = await start({ peerjs: false })
    expect((await fetch(http)).status).toBe(404)
    expect(await new RawPeerJs(ws, { id: 'a', token: 't', key: 'peerjs' }).status).toBe(404)
  })
})

describe('two instances on one Redis', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await RedisServer.start()
  })
  afterAll(() => redis.stop())

  it('are one PeerServer', async () => {
    const [one, two] = [await start({ redis: redis.url }), await start({ redis: redis.url })]
    for (const { server } of [one, two]) {
      const ready = `http://127.0.0.1:${server.port}/readyz`
      await expect.poll(async () => (await fetch(ready)).status).toBe(200)
    }
    const a = await RawPeerJs.open(one.ws, 'a')
    a.send({ type: 'OFFER', dst: 'b', payload: 'waits' })
    const b = await RawPeerJs.open(two.ws, 'b')
    expect((await b.next('OFFER')).payload).toBe('waits')
    b.send({ type: 'ANSWER', dst: 'a', payload: 'here' })
    expect((await a.next('ANSWER')).payload).toBe('here')
    const thief = new RawPeerJs(two.ws, { id: 'a', token: 'guess', key: 'peerjs' })
    await thief.next('ID-TAKEN')
    await RawPeerJs.open(two.ws, 'a')
    await a.closed
  })

  it('have as many clients as both of them take', async () => {
    const options = { redis: redis.url, redisPrefix: 'many:', limits: { connections: 2 } }
    const instances = [await start(options), await start(options)]
    for (const { server } of instances) {
      const ready = `http://127.0.0.1:${server.port}/readyz`
      await expect.poll(async () => (await fetch(ready)).status).toBe(200)
    }
    for (const [index, { ws }] of instances.entries()) {
      await RawPeerJs.open(ws, `first of ${index}`)
      await RawPeerJs.open(ws, `second of ${index}`)
      const third = new RawPeerJs(ws, { id: 'third', token: 't', key: 'peerjs' })
      expect(await third.status).toBe(503)
    }
  })
})
