import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PeerServer } from 'peer'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { systemRuntime } from '../../runtime/index.js'
import type { PeerInfo } from '../../wire/index.js'
import type { Signaling } from '../signaling.js'
import { peerjsOn } from './peerjs.js'

const toClose: (() => void)[] = []
afterEach(() => {
  for (const close of toClose.splice(0)) close()
})

/** Sockets that can be cut from outside, as a crash of their page would. */
class CuttableWebSocket extends WebSocket {
  static readonly all: CuttableWebSocket[] = []
  constructor(url: string) {
    super(url)
    CuttableWebSocket.all.push(this)
  }
}

async function stockServer(
  port = 0,
  alive_timeout = 60_000,
): Promise<{ port: number; stop(): Promise<void> }> {
  const server = await new Promise<Server>((resolve) => {
    PeerServer({ port, host: '127.0.0.1', path: '/', alive_timeout }, (listening) =>
      resolve(listening as Server),
    )
  })
  const sockets = new Set<{ destroy(): void }>()
  server.on('connection', (socket) => sockets.add(socket))
  const stop = (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    return closed
  }
  toClose.push(() => void stop())
  return { port: (server.address() as AddressInfo).port, stop }
}

class Client {
  readonly log: string[] = []
  readonly signaling: Signaling
  readonly #sockets: CuttableWebSocket[]

  constructor(
    readonly id: string,
    port: number,
    room = 'room',
    key = 'peerjs',
  ) {
    const self: PeerInfo = { id, kind: 'tab', weight: 1, host: id }
    const mine: CuttableWebSocket[] = []
    this.#sockets = mine
    class MySocket extends CuttableWebSocket {
      constructor(url: string) {
        super(url)
        mine.push(this)
      }
    }
    const service = peerjsOn(MySocket)({ host: '127.0.0.1', port, key })
    this.signaling = service.open(room, systemRuntime({ log: () => {} }), undefined).signaling(self, {
      welcome: (peers) => this.log.push(`welcome ${peers.map((peer) => peer.id).sort()}`),
      refused: (error) => this.log.push(`refused ${error.name}`),
      joined: (peer) => this.log.push(`joined ${peer.id}`),
      closed: (peer, clean) => this.log.push(`closed ${peer} ${clean}`),
      offered: (from, payload) => this.log.push(`offered ${from} ${payload}`),
      relayed: (from, frame) => this.log.push(`relayed ${from} ${frame}`),
      unreachable: (peer) => this.log.push(`unreachable ${peer}`),
      lost: () => this.log.push('lost'),
    })
    toClose.push(() => this.signaling.close(false))
  }

  /** Without a word, as a killed page. */
  crash(): void {
    for (const socket of this.#sockets) socket.terminate()
    this.signaling.close(false)
  }

  saw(entry: string): Promise<void> {
    return expect.poll(() => this.log).toContain(entry)
  }
}

/** `first` holds the lobby, as it was alone. */
async function room(port: number, ...ids: string[]): Promise<Client[]> {
  const clients: Client[] = []
  for (const id of ids) {
    const client = new Client(id, port)
    await expect.poll(() => client.signaling.connected).toBe(true)
    clients.push(client)
  }
  return clients
}

describe('a room on a stock PeerServer', () => {
  it('tells newcomers who is there, and the others of them', async () => {
    const { port } = await stockServer()
    const [a, b] = (await room(port, 'a', 'b')) as [Client, Client]
    await a.saw('joined b')
    expect(a.log[0]).toBe('welcome ')
    expect(b.log[0]).toBe('welcome a')
  })

  it('carries offers and frames', async () => {
    const { port } = await stockServer()
    const [a, b] = (await room(port, 'a', 'b')) as [Client, Client]
    a.signaling.sendOffer('b', Uint8Array.of(1, 2))
    b.signaling.relay('a', Uint8Array.of(255))
    await b.saw('offered a 1,2')
    await a.saw('relayed b 255')
  })

  it('tells goodbyes', async () => {
    const { port } = await stockServer()
    const [a, b] = (await room(port, 'a', 'b')) as [Client, Client]
    await a.saw('joined b')
    b.signaling.close(true)
    await a.saw('closed b true')
  })

  it('goes on when the holder of the lobby crashes', async () => {
    const { port } = await stockServer()
    const [a, b] = (await room(port, 'a', 'b')) as [Client, Client]
    a.crash()
    const late = new Client('c', port)
    await expect.poll(() => late.log.some((line) => line === 'welcome b' || line === 'joined b')).toBe(true)
    await b.saw('joined c')
  })

  it('forms when all start at once', async () => {
    const { port } = await stockServer()
    const clients = ['a', 'b', 'c', 'd'].map((id) => new Client(id, port))
    for (const client of clients) {
      const others = clients.filter((other) => other !== client).map((other) => other.id)
      await expect
        .poll(() =>
          others.every((id) =>
            client.log.some(
              (line) => line === `joined ${id}` || (line.startsWith('welcome') && line.includes(id)),
            ),
          ),
        )
        .toBe(true)
    }
  })

  it('comes back after the server restarts', async () => {
    const server = await stockServer()
    const [a, b] = (await room(server.port, 'a', 'b')) as [Client, Client]
    await server.stop()
    await a.saw('lost')
    await b.saw('lost')
    await stockServer(server.port)
    for (const client of [a, b]) await expect.poll(() => client.signaling.connected).toBe(true)
    b.signaling.relay('a', Uint8Array.of(7))
    await a.saw('relayed b 7')
  })

  it('uses the next lobby while one is held by someone who does not answer', async () => {
    const { port } = await stockServer()
    const [a] = (await room(port, 'a')) as [Client]
    a.crash()
    // The id of the first lobby of room, taken by a client that knows nothing of rooms.
    const probe = new Client('probe', port)
    await expect.poll(() => probe.signaling.connected).toBe(true)
    const lobby = CuttableWebSocket.all
      .map(({ url }) => new URL(url).searchParams.get('id'))
      .findLast((id) => id?.endsWith('-0'))
    probe.signaling.close(true)
    const squatter = new WebSocket(`ws://127.0.0.1:${port}/peerjs?key=peerjs&id=${lobby}&token=t`)
    toClose.push(() => squatter.terminate())
    await new Promise((resolve) => squatter.once('open', resolve))
    const [b, c] = (await room(port, 'b', 'c')) as [Client, Client]
    await b.saw('joined c')
    expect(c.log[0]).toBe('welcome b')
  })

  it('tells typed errors: no such server, a wrong key', async () => {
    const { port, stop } = await stockServer()
    const wrong = new Client('a', port, 'room', 'wrong')
    await wrong.saw('refused Unauthorized')
    await stop()
    const nobody = new Client('a', port)
    await nobody.saw('refused SignalUnreachable')
  })

  it('refuses options that are wrong', () => {
    expect(() => peerjsOn(WebSocket)({ port: -1 })).toThrow('peerjs.port: must be a port, but got -1')
    expect(() => peerjsOn(WebSocket)({ prt: 1 } as never)).toThrow('peerjs.prt: is not an option here')
  })
})
