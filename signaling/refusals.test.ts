import { afterEach, describe, expect, it } from 'vitest'
import { packValue, protocolVersion } from '../src/wire/index.js'
import type { StartSignalOptions } from './server.js'
import { RawPeer, tab } from './testing/raw-peer.js'
import { StartedServers } from './testing/started-servers.js'

const servers = new StartedServers()
const start = (options?: StartSignalOptions) => servers.start(options)
afterEach(() => servers.close())

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
    expect(servers.refusals).toEqual(['protocol', 'protocol'])
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
    expect(JSON.stringify(servers.lines)).not.toContain('secret')
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
    expect(servers.refusals).toEqual(['token-too-long', 'token-too-long'])
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
    expect(servers.refusals).toEqual(['room-full', 'too-many-rooms'])
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
    expect(servers.refusals).toEqual(['too-many-connections-from-address', 'too-many-connections'])
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
    expect(servers.refusals).toEqual(['too-many-new-connections-from-address'])
    await expect.poll(() => new RawPeer(url).status).toBe(101)
  })

  it('a socket that says nothing', async () => {
    const { url } = await start({ limits: { handshakeMilliseconds: 100 } })
    const peer = await new RawPeer(url).opened()
    expect((await peer.next('signal.refused')).error).toBe('Busy')
    expect(servers.refusals).toEqual(['handshake-timeout'])
  })
})
