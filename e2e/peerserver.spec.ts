import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BrowserContext, Page } from '@playwright/test'
import { expect, test } from '@playwright/test'
import { PeerServer } from 'peer'
import type * as Ringmesh from '../src/index.js'
import { join, type Mesh, peerjs } from '../src/index.node.js'
import { measured } from './support/measured.js'

declare const ringmesh: typeof Ringmesh

interface MeshPage {
  mesh: Mesh
  sockets: WebSocket[]
}

/** The script tag, and what it loads from beside itself. */
const scripts = ['/ringmesh.global.js', '/ringmesh.peerjs.js']
const address = { host: '127.0.0.1', path: '/signal', key: 'a-key' }

/** The PeerServer of npm, unchanged, which a test may stop and start again on its port. */
class StockServer {
  #server: Server | undefined
  port = 0
  readonly #sockets = new Set<{ destroy(): void }>()

  async start(): Promise<void> {
    const server = await new Promise<Server>((resolve) => {
      PeerServer({ ...address, port: this.port }, (listening) => resolve(listening as Server))
    })
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    this.port = (server.address() as AddressInfo).port
    this.#server = server
  }

  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    const closed = new Promise<void>((resolve) => server?.close(() => resolve()) ?? resolve())
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}

const peerServer = new StockServer()
let pages: Server

test.beforeAll(async () => {
  await peerServer.start()
  const built = new Map<string | undefined, Buffer>()
  for (const name of scripts) built.set(name, await readFile(new URL(`../dist${name}`, import.meta.url)))
  pages = createServer((request, response) => {
    const script = built.get(request.url)
    response.setHeader('content-type', script ? 'text/javascript' : 'text/html')
    response.end(script ?? '<!doctype html><script src="/ringmesh.global.js"></script>')
  })
  await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve))
})

test.afterAll(async () => {
  await peerServer.stop()
  pages.closeAllConnections()
  await new Promise((resolve) => pages.close(resolve))
})

/** Keeps hold of each WebSocket of a page; runs before the page's own scripts. */
function keepSockets(): void {
  const page = globalThis as unknown as MeshPage
  page.sockets = []
  globalThis.WebSocket = new Proxy(WebSocket, {
    construct(target, parameters: [string]) {
      const socket = new target(...parameters)
      page.sockets.push(socket)
      return socket
    },
  })
}

/** A tab in the room, once it has joined. */
async function openTab(context: BrowserContext): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`http://127.0.0.1:${(pages.address() as AddressInfo).port}/`)
  await page.evaluate(
    async (server) => {
      const mesh = await ringmesh.join({ signal: ringmesh.peerjs(server), room: 'lobby test' })
      Object.assign(globalThis, { mesh })
    },
    { ...address, port: peerServer.port },
  )
  return page
}

/** Resolves when all tabs and the edge see exactly each other. */
async function agreed(tabs: readonly Page[], edge: Mesh): Promise<void> {
  const seen = async () => {
    const all = [
      ...(await Promise.all(
        tabs.map((tab) =>
          tab.evaluate(() => {
            const { mesh } = globalThis as unknown as MeshPage
            return { view: mesh.view, states: mesh.members().map(({ state }) => state) }
          }),
        ),
      )),
      { view: edge.view, states: edge.members().map(({ state }) => state) },
    ]
    return {
      views: new Set(all.map(({ view }) => view)).size,
      states: all.map(({ states }) => states.join()),
    }
  }
  const states = Array.from({ length: tabs.length + 1 }, () => 'alive').join()
  await expect
    .poll(seen, { timeout: 45_000 })
    .toEqual({ views: 1, states: Array.from({ length: tabs.length + 1 }, () => states) })
}

/** Whether a tab holds a lobby: it has a second place at the PeerServer, under the lobby's id. */
function holdsLobby(tab: Page): Promise<boolean> {
  return tab.evaluate(() =>
    (globalThis as unknown as MeshPage).sockets.some(
      ({ url, readyState }) => readyState === WebSocket.OPEN && /[?&]id=ringmesh-/.test(url),
    ),
  )
}

/** The links that a tab's messages go over. */
function linksOf(tab: Page): Promise<string[]> {
  return tab.evaluate(() =>
    (globalThis as unknown as MeshPage).mesh
      .members()
      .map(({ link }) => link)
      .sort(),
  )
}

test('three tabs and an edge form a mesh over a stock PeerServer, and outlive the lobby holder and the server', async ({
  context,
}, testInfo) => {
  test.setTimeout(180_000)
  await context.addInitScript(keepSockets)
  const start = Date.now()
  const holder = await openTab(context)
  await expect.poll(() => holdsLobby(holder)).toBe(true)
  const tabs = [await openTab(context), await openTab(context)]
  const edge = await join({ signal: peerjs({ ...address, port: peerServer.port }), room: 'lobby test' })
  try {
    await agreed([holder, ...tabs], edge)
    measured(testInfo, 'three tabs and an edge over a PeerServer', `one mesh after ${Date.now() - start} ms`)
    await expect.poll(() => linksOf(holder)).toEqual(['direct', 'direct', 'direct', 'self'])
    expect(await Promise.all(tabs.map(holdsLobby))).toEqual([false, false])
    await edge.store('kept').put('before', 1)

    const crashed = Date.now()
    const devtools = await context.newCDPSession(holder)
    const gone = new Promise<void>((resolve) => holder.once('crash', () => resolve()))
    // The command itself is never answered: there is nobody left to answer it.
    devtools.send('Page.crash').catch(() => {})
    await gone
    await agreed(tabs, edge)
    measured(testInfo, "crash of the lobby's holder", `equal views after ${Date.now() - crashed} ms`)

    // A newcomer finds them by another's lobby.
    tabs.push(await openTab(context))
    await agreed(tabs, edge)
    measured(testInfo, "a newcomer after the holder's crash", `in after ${Date.now() - crashed} ms`)

    await peerServer.stop()
    await edge.store('kept').put('without a server', 2)
    const read = (key: string) => (tab: Page) =>
      tab.evaluate(
        (name) => (globalThis as unknown as MeshPage).mesh.store('kept').get(name, { fresh: true }),
        key,
      )
    expect(await Promise.all(tabs.map(read('without a server')))).toEqual([2, 2, 2])
    const restarted = Date.now()
    await peerServer.start()
    tabs.push(await openTab(context))
    await agreed(tabs, edge)
    measured(
      testInfo,
      'a newcomer after the restart of the PeerServer',
      `in after ${Date.now() - restarted} ms`,
    )
    expect(await Promise.all(tabs.map(read('before')))).toEqual([1, 1, 1, 1])
  } finally {
    await edge.leave()
  }
})
