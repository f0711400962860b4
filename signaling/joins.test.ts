import { afterEach, describe, expect, it } from 'vitest'
import { encodeMessage, joinedProtocol, joinProtocols, protocolVersion } from '../src/wire/index.js'
import type { StartSignalOptions } from './server.js'
import { RawPeer, tab } from './testing/raw-peer.js'
import { StartedServers } from './testing/started-servers.js'

const servers = new StartedServers()
const start = (options?: StartSignalOptions) => servers.start(options)
afterEach(() => servers.close())

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
