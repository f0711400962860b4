import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { expect, type Page, test } from '@playwright/test'
import type Peer from 'peerjs'
import type { DataConnection } from 'peerjs'
import { type SignalServer, startSignalServer } from '../signaling/index.js'

/** PeerJS as npm ships it for a script tag, unchanged. */
const library = readFileSync(createRequire(import.meta.url).resolve('peerjs/dist/peerjs.min.js'), 'utf8')

interface PeerPage {
  Peer: typeof Peer
  peer: Peer
  got: unknown[]
  connection: DataConnection
}

let http: Server
let signal: SignalServer
let port: number

test.beforeAll(async () => {
  http = createServer((request, response) => {
    if (signal.handle(request, response)) return
    if (request.url === '/peerjs.min.js') response.setHeader('content-type', 'text/javascript').end(library)
    else response.setHeader('content-type', 'text/html').end('<script src="/peerjs.min.js"></script>')
  })
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  port = (http.address() as AddressInfo).port
  signal = await startSignalServer({ server: http, path: '/signal', peerjs: {}, log: () => {} })
})

test.afterAll(async () => {
  await signal.close()
  http.closeAllConnections()
  await new Promise((resolve) => http.close(resolve))
})

/** A tab with a stock client in it, once it is open; what it receives is kept and answered. Answers its id. */
async function open(page: Page, id?: string): Promise<string> {
  await page.goto(`http://127.0.0.1:${port}/`)
  return page.evaluate(
    ([wanted, at]) =>
      new Promise<string>((resolve, reject) => {
        const here = globalThis as unknown as PeerPage
        const options = { host: '127.0.0.1', port: at, path: '/peerjs', config: { iceServers: [] } }
        here.got = []
        here.peer = wanted === null ? new here.Peer(options) : new here.Peer(wanted, options)
        here.peer.on('open', resolve)
        here.peer.on('error', reject)
        here.peer.on('connection', (connection) => {
          connection.on('data', (data) => {
            here.got.push(data)
            connection.send({ echo: data })
          })
        })
      }),
    [id ?? null, port] as const,
  )
}

/** Connects to another client, sends it a value and gives its answer. */
function ask(page: Page, id: string, value: unknown): Promise<unknown> {
  return page.evaluate(
    ([to, data]) =>
      new Promise((resolve, reject) => {
        const { peer } = globalThis as unknown as PeerPage
        const connection = peer.connect(to, { reliable: true })
        connection.on('open', () => connection.send(data))
        connection.on('data', resolve)
        connection.on('error', reject)
        peer.on('error', reject)
      }),
    [id, value] as const,
  )
}

/** The type of the next error of the client in a page. */
function nextError(page: Page, provoke: (here: PeerPage) => void): Promise<string> {
  return page.evaluate(
    `new Promise((resolve) => {
      globalThis.peer.once('error', (error) => resolve(error.type));
      (${provoke.toString()})(globalThis)
    })`,
  )
}

test('two stock PeerJS clients connect, and data goes both ways', async ({ context }) => {
  const [a, b] = [await context.newPage(), await context.newPage()]
  await open(a, 'ann')
  await open(b, 'ben')
  expect(await ask(a, 'ben', { n: 1 })).toEqual({ echo: { n: 1 } })
  expect(await ask(b, 'ann', 'back')).toEqual({ echo: 'back' })
})

test('a client that has no id is given one by the server', async ({ context }) => {
  const [a, b] = [await context.newPage(), await context.newPage()]
  const [first, second] = [await open(a), await open(b)]
  expect(first).not.toBe(second)
  expect(await ask(a, second, 1)).toEqual({ echo: 1 })
})

test('a client that disconnects and reconnects is opened again, and called', async ({ context }) => {
  const [a, b] = [await context.newPage(), await context.newPage()]
  await open(a, 'again')
  await open(b, 'caller')
  await a.evaluate(
    () =>
      new Promise<void>((resolve) => {
        const { peer } = globalThis as unknown as PeerPage
        peer.disconnect()
        peer.once('open', () => resolve())
        peer.reconnect()
      }),
  )
  expect(await ask(b, 'again', 2)).toEqual({ echo: 2 })
})

test('a client reconnects while the server still believes in its old socket', async ({ context }) => {
  const [a, b] = [await context.newPage(), await context.newPage()]
  await open(a, 'twice')
  await open(b, 'caller-of-twice')
  // A second client with the same id and token, as one is that lost its network and not its page.
  await a.evaluate(
    (at) =>
      new Promise<void>((resolve, reject) => {
        const here = globalThis as unknown as PeerPage
        const token = (here.peer as unknown as { options: { token: string } }).options.token
        const options = { host: '127.0.0.1', port: at, path: '/peerjs', token, config: { iceServers: [] } }
        const back = new here.Peer('twice', options)
        back.on('open', () => resolve())
        back.on('error', reject)
        back.on('connection', (connection) =>
          connection.on('data', (data) => connection.send({ back: data })),
        )
      }),
    port,
  )
  expect(await ask(b, 'twice', 3)).toEqual({ back: 3 })
})

test('an id that is taken and a peer that is not there are errors of those names', async ({ context }) => {
  const [a, b] = [await context.newPage(), await context.newPage()]
  await open(a, 'owner')
  await expect(open(b, 'owner')).rejects.toThrow('ID "owner" is taken')
  await open(b, 'other')
  expect(await nextError(b, (here) => here.peer.connect('nobody-there'))).toBe('peer-unavailable')
})
