import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../../runtime/index.js'
import { encodeMessage, type Message, type PeerInfo } from '../../wire/index.js'
import { lobbyId } from './peer-server-lobby.js'
import { PeerServerSignaling } from './peer-server-signaling.js'
import type { PeerServerTransportEvents } from './peer-server-transport.js'

const self: PeerInfo = { id: 'a', kind: 'tab', weight: 1, host: 'a' }
const lobby = lobbyId('room', 0)

function peer(id: string): PeerInfo {
  return { id, kind: 'tab', weight: 1, host: id }
}

/** A member of a room whose PeerServer says what the test wants. */
async function member() {
  const time = new VirtualTime(1)
  const told: string[] = []
  let server: PeerServerTransportEvents | undefined
  const carried = (from: string, message: Message): void =>
    server?.carried(from, {
      type: 'OFFER',
      payload: { ringmesh: Buffer.from(encodeMessage(message)).toString('base64') },
    })
  const signaling = new PeerServerSignaling(
    time.runtime(),
    Promise.resolve((id) => ({
      open: (events) => {
        if (id === self.id) server = events
        else time.runtime().timer(0, () => events.closed('taken', true))
        return { buffered: 0, dial: undefined, send: () => {}, close: () => {} }
      },
    })),
    'nowhere',
    'room',
    self,
    {
      welcome: (peers) => told.push(`welcome ${peers.length}`),
      refused: (error) => told.push(`refused ${error.message.length}`),
      joined: () => told.push('joined'),
      closed: () => told.push('closed'),
      offered: (from) => told.push(`offered ${from.slice(0, 10)}`),
      relayed: (from) => told.push(`relayed ${from.slice(0, 10)}`),
      unreachable: () => {},
      lost: () => told.push('lost'),
    },
  )
  await Promise.resolve()
  return { time, told, signaling, carried, server: server as unknown as PeerServerTransportEvents }
}

describe('a PeerServer that lies', () => {
  it('names any number of peers: of so many it is remembered that they are here', async () => {
    const { time, told, carried, server } = await member()
    carried(self.id, { type: 'signal.ping' })
    time.advance(10)
    carried(lobby, { type: 'signal.welcome', peers: [peer('b')], iceServers: [] })
    for (let number = 0; number < 2_000; number++)
      carried(lobby, { type: 'signal.joined', peer: peer(`ghost-${number}`) })
    expect(told.filter((what) => what === 'joined')).toHaveLength(2_000)
    // Lost and back, with a holder that did not notice: who is remembered is who is welcomed.
    server.closed('lost', false)
    time.advance(5_000)
    await Promise.resolve()
    carried(self.id, { type: 'signal.ping' })
    carried(lobby, { type: 'signal.pong' })
    expect(told.at(-1)).toBe('welcome 512')
  })

  it('carries messages of names that are none: they are dropped, however long', async () => {
    const { time, told, carried, server } = await member()
    carried(self.id, { type: 'signal.ping' })
    time.advance(10)
    for (const from of ['', 'x'.repeat(1_000_000), 'no name'])
      carried(from, { type: 'signal.relay', to: self.id, frame: new Uint8Array(1) })
    const payload = { connectionId: 'ringmesh-1', sdp: { sdp: 'v=0' } }
    server.carried('x'.repeat(1_000_000), { type: 'OFFER', payload })
    expect(told).toEqual([])
    carried('b', { type: 'signal.relay', to: self.id, frame: new Uint8Array(1) })
    server.carried('b', { type: 'OFFER', payload })
    expect(told).toEqual(['relayed b', 'offered b'])
  })

  it('tells an error of any length: the first line of it is kept', async () => {
    const { told, server } = await member()
    server.closed('x'.repeat(1_000_000), false)
    expect(told).toHaveLength(1)
    expect(Number(told[0]?.split(' ')[1])).toBeLessThan(2_000)
  })
})
