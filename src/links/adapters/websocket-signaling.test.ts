import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { systemRuntime } from '../../runtime/index.js'
import {
  decodeMessage,
  encodeMessage,
  joinedProtocol,
  joinOffered,
  type Message,
  type PeerInfo,
} from '../../wire/index.js'
import type { Signaling } from '../signaling.js'
import type { StandardWebSocket, StandardWebSocketClass } from './standard-web-socket.js'
import type { Token } from './token.js'
import { webSocketSignaling } from './websocket-signaling.js'

const self: PeerInfo = { id: 'me', kind: 'tab', weight: 1, host: 'here' }
const other: PeerInfo = { id: 'other', kind: 'edge', weight: 4, host: 'there' }

const toClose: (() => void)[] = []
afterEach(() => {
  for (const close of toClose.splice(0)) close()
})

/** A server that says what the test wants; `answer` is asked for every message, the `joins`-th connection's. */
async function server(
  answer: (message: Message, joins: number) => readonly Message[] | Uint8Array | 'close',
  port = 0,
): Promise<{
  url: string
  port: number
  received: Message[]
  say(message: Message): void
  /** How many connections are open. */
  open(): number
  /** Ends all connections. */
  drop(): void
  stop(): Promise<void>
}> {
  const sockets = new Set<WebSocket>()
  const received: Message[] = []
  let joins = 0
  const listening = new WebSocketServer({ host: '127.0.0.1', port })
  await new Promise((resolve) => listening.once('listening', resolve))
  listening.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('message', (data: Buffer) => {
      const message = decodeMessage(new Uint8Array(data))
      received.push(message)
      if (message.type === 'signal.join') joins++
      const answers = answer(message, joins)
      if (answers === 'close') socket.terminate()
      else if (answers instanceof Uint8Array) socket.send(answers)
      else for (const each of answers) socket.send(encodeMessage(each))
    })
  })
  const drop = (): void => {
    for (const socket of sockets) socket.terminate()
  }
  const stop = (): Promise<void> => {
    drop()
    return new Promise((resolve) => listening.close(() => resolve()))
  }
  toClose.push(() => void stop())
  const { port: taken } = listening.address() as AddressInfo
  return {
    url: `ws://127.0.0.1:${taken}`,
    port: taken,
    received,
    say: (message) => {
      for (const socket of sockets) socket.send(encodeMessage(message))
    },
    open: () => [...sockets].filter((socket) => socket.readyState === WebSocket.OPEN).length,
    drop,
    stop,
  }
}

const welcome: Message = { type: 'signal.welcome', peers: [other], iceServers: [{ urls: 'stun:stun.test' }] }
const welcoming = (message: Message): readonly Message[] => (message.type === 'signal.join' ? [welcome] : [])

/** A client whose events can be waited for. */
function client(
  urls: string[],
  token?: Token,
  Socket: StandardWebSocketClass = WebSocket,
): { signaling: Signaling; next(): Promise<string>; log: string[]; reasons: string[] } {
  const log: string[] = []
  const reasons: string[] = []
  let read = 0
  let wake = (): void => {}
  const note = (entry: string): void => {
    log.push(entry)
    wake()
  }
  const signaling = webSocketSignaling({
    runtime: systemRuntime(),
    urls,
    room: 'room',
    token,
    WebSocket: Socket,
  })(self, {
    welcome: (peers, iceServers) =>
      note(`welcome ${peers.map(({ id }) => id)} ${iceServers.map((each) => each.urls)}`),
    refused: (error) => {
      reasons.push(error.message)
      note(`refused ${error.name}`)
    },
    joined: (peer) => note(`joined ${peer.id}`),
    closed: (peer, clean) => note(`closed ${peer} ${clean}`),
    offered: (from, payload) => note(`offered ${from} ${payload}`),
    relayed: (from, frame) => note(`relayed ${from} ${frame}`),
    unreachable: (peer) => note(`unreachable ${peer}`),
    lost: () => note('lost'),
  })
  toClose.push(() => signaling.close(true))
  return {
    signaling,
    log,
    reasons,
    next: async () => {
      while (read === log.length) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      return log[read++] as string
    },
  }
}

describe('signalling over a WebSocket', () => {
  it('joins within the request where the server reads it there, and sends no second join', async () => {
    const listening = new WebSocketServer({
      host: '127.0.0.1',
      port: 0,
      handleProtocols: () => joinedProtocol,
    })
    toClose.push(() => listening.close())
    await new Promise((resolve) => listening.once('listening', resolve))
    const frames: Message[] = []
    const offered = new Promise<Message>((resolve) => {
      listening.on('connection', (socket, request) => {
        socket.on('message', (data: Buffer) => frames.push(decodeMessage(new Uint8Array(data))))
        socket.send(encodeMessage(welcome))
        resolve(
          decodeMessage(
            Buffer.from(joinOffered(request.headers['sec-websocket-protocol'] ?? '') ?? '', 'base64url'),
          ),
        )
      })
    })
    const { next, signaling } = client([`ws://127.0.0.1:${(listening.address() as AddressInfo).port}`])
    expect(await offered).toMatchObject({ type: 'signal.join', room: 'room', peer: self, token: null })
    expect(await next()).toBe('welcome other stun:stun.test')
    signaling.sendOffer('other', new Uint8Array([1]))
    await expect.poll(() => frames.map(({ type }) => type)).toEqual(['signal.offer'])
  })

  it.each([
    ['takes subprotocols out of the answer', false],
    ['refuses a request that asks for any', true],
  ])('joins by a frame where something on the way %s', async (_name, refuses) => {
    const listening = new WebSocketServer({
      host: '127.0.0.1',
      port: 0,
      handleProtocols: () => false,
      verifyClient: ({ req }: { req: IncomingMessage }) =>
        !(refuses && 'sec-websocket-protocol' in req.headers),
    })
    toClose.push(() => listening.close())
    await new Promise((resolve) => listening.once('listening', resolve))
    listening.on('connection', (socket) => {
      socket.on('message', (data: Buffer) => {
        for (const answer of welcoming(decodeMessage(new Uint8Array(data))))
          socket.send(encodeMessage(answer))
      })
    })
    const { next } = client([`ws://127.0.0.1:${(listening.address() as AddressInfo).port}`])
    expect(await next()).toBe('welcome other stun:stun.test')
  })

  it('joins, hears of others, and carries offers and frames', async () => {
    const at = await server(welcoming)
    const { signaling, next } = client([at.url], 'ticket')
    expect(await next()).toBe('welcome other stun:stun.test')
    expect(signaling.connected).toBe(true)
    expect(at.received[0]).toMatchObject({ room: 'room', token: 'ticket', peer: self })
    at.say({ type: 'signal.joined', peer: { ...other, id: 'third' } })
    expect(await next()).toBe('joined third')
    at.say({ type: 'signal.closed', peer: 'third', clean: true })
    expect(await next()).toBe('closed third true')
    at.say({ type: 'signal.offered', from: 'other', payload: Uint8Array.of(1) })
    expect(await next()).toBe('offered other 1')
    at.say({ type: 'signal.relayed', from: 'other', frame: Uint8Array.of(2) })
    expect(await next()).toBe('relayed other 2')
    signaling.relay('other', Uint8Array.of(3))
    signaling.close(true)
    await expect
      .poll(() => at.received.map(({ type }) => type))
      .toEqual(['signal.join', 'signal.relay', 'signal.leave'])
  })

  it('takes fresh ice servers as a welcome in which nobody is new', async () => {
    const { url, say } = await server(welcoming)
    const { next } = client([url])
    expect(await next()).toBe('welcome other stun:stun.test')
    say({
      type: 'signal.iceServers',
      iceServers: [{ urls: 'turn:fresh.test', username: 'u', credential: 'c' }],
    })
    expect(await next()).toBe('welcome  turn:fresh.test')
  })

  it('asks a token function again for every connection, and comes back after a loss', async () => {
    const at = await server(welcoming)
    let tokens = 0
    const { next } = client([at.url], async () => `ticket ${++tokens}`)
    await next()
    await at.stop()
    expect(await next()).toBe('lost')
    const again = await server(welcoming, at.port)
    expect(await next()).toBe('welcome other stun:stun.test')
    expect(again.received[0]).toMatchObject({ token: expect.stringMatching(/^ticket [2-9]/) })
  })

  it.each(['Unauthorized', 'RoomFull', 'ProtocolMismatch'] as const)('tells of %s', async (error) => {
    const at = await server(() => [{ type: 'signal.refused', error, detail: 'no' }])
    const { next } = client([at.url])
    expect(await next()).toBe(`refused ${error}`)
  })

  it('tells of a token function that fails', async () => {
    const at = await server(welcoming)
    const { next } = client([at.url], () => Promise.reject(new Error('logged out')))
    expect(await next()).toBe('refused Unauthorized')
  })

  it('goes to the next server when one is not there', async () => {
    const gone = await server(welcoming)
    await gone.stop()
    const at = await server(welcoming)
    const { next } = client([gone.url, at.url])
    expect(await next()).toBe('welcome other stun:stun.test')
  })

  it('tells that no server is there', async () => {
    const gone = await server(welcoming)
    await gone.stop()
    const { next, reasons } = client([gone.url])
    expect(await next()).toBe('refused SignalUnreachable')
    expect(reasons).toEqual([
      `no signalling server at ${gone.url}: connect ECONNREFUSED 127.0.0.1:${gone.port}`,
    ])
    expect(await client(['not a url']).next()).toBe('refused SignalUnreachable')
  })

  it('tells at once that the page may not connect: an error that no close follows', async () => {
    class Forbidden implements StandardWebSocket {
      binaryType = 'blob'
      readonly protocol = ''
      readonly bufferedAmount = 0
      onopen = null
      onmessage = null
      onclose = null
      onerror: ((event: never) => void) | null = null

      constructor() {
        queueMicrotask(() => this.onerror?.({ type: 'error' } as never))
      }

      send(): void {}
      close(): void {}
    }
    const { next, reasons } = client(['ws://forbidden.example'], undefined, Forbidden)
    expect(await next()).toBe('refused SignalUnreachable')
    expect(reasons).toEqual([
      'no signalling server at ws://forbidden.example: the connection failed, and the console of a browser says why',
    ])
  })

  it('tells when what answers is no signalling server', async () => {
    const web: Server = createServer((_request, response) => response.end('hello'))
    await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve))
    toClose.push(() => web.close())
    const { port } = web.address() as AddressInfo
    expect(await client([`ws://127.0.0.1:${port}`]).next()).toBe('refused SignalUnreachable')
    const chat = await server(() => new TextEncoder().encode('hello, this is a chat'))
    expect(await client([chat.url]).next()).toBe('refused SignalUnreachable')
  })

  it('tries again when a server that once took it refuses it later', async () => {
    const at = await server((message, joins) =>
      message.type !== 'signal.join'
        ? 'close'
        : joins === 2
          ? [{ type: 'signal.refused', error: 'RoomFull', detail: '' }]
          : [welcome],
    )
    const { signaling, next, log } = client([at.url])
    await next()
    signaling.relay('other', Uint8Array.of(1))
    expect(await next()).toBe('lost')
    expect(await next()).toBe('welcome other stun:stun.test')
    expect(log).toHaveLength(3)
  })

  it('moves to the next server when this one is about to stop, which serves on until the other welcomes', async () => {
    const [one, two] = [await server(welcoming), await server(() => [])]
    const { signaling, next, log } = client([one.url, two.url])
    expect(await next()).toBe('welcome other stun:stun.test')
    one.say({ type: 'signal.draining' })
    await expect.poll(() => two.received.map(({ type }) => type)).toEqual(['signal.join'])
    expect(signaling.connected).toBe(true)
    signaling.relay('other', Uint8Array.of(1))
    one.say({ type: 'signal.relayed', from: 'other', frame: Uint8Array.of(2) })
    expect(await next()).toBe('relayed other 2')
    await expect.poll(() => one.received.map(({ type }) => type)).toEqual(['signal.join', 'signal.relay'])
    two.say({ type: 'signal.welcome', peers: [], iceServers: [] })
    expect(await next()).toBe('welcome  ')
    await expect.poll(() => one.open()).toBe(0)
    signaling.relay('other', Uint8Array.of(3))
    await expect.poll(() => two.received.map(({ type }) => type)).toEqual(['signal.join', 'signal.relay'])
    expect(log).not.toContain('lost')
  })

  it('tells of a loss when the server that is about to stop closes before another is there, and joins that then', async () => {
    let isBack = false
    const at = await server((message, joins) =>
      joins === 1 || isBack ? welcoming(message) : [{ type: 'signal.refused', error: 'Busy', detail: '' }],
    )
    const { signaling, next } = client([at.url])
    await next()
    at.say({ type: 'signal.draining' })
    await expect.poll(() => at.received.length).toBeGreaterThanOrEqual(3)
    expect(signaling.connected).toBe(true)
    at.drop()
    expect(await next()).toBe('lost')
    expect(signaling.connected).toBe(false)
    isBack = true
    expect(await next()).toBe('welcome other stun:stun.test')
  })
})
