import type { BrowserContext, Page } from '@playwright/test'
import { expect, test } from '@playwright/test'
import { freePort } from '../signaling/testing/free-port.js'
import type * as Ringmesh from '../src/index.js'
import { join, type Mesh, peerjs } from '../src/index.node.js'
import { type StockPeerServer, stockPeerServer } from '../src/links/testing/stock-peer-server.js'
import { measured } from './support/measured.js'
import { scripts, startScriptPages } from './support/script-pages.js'

declare const ringmesh: typeof Ringmesh

interface MeshPage {
  mesh: Mesh
  sockets: WebSocket[]
  /** The labels of the data channels that the page made. */
  labels: string[]
}

const address = { host: '127.0.0.1', path: '/signal', key: 'a-key' }

let peerServer: StockPeerServer
let pages: Awaited<ReturnType<typeof startScriptPages>>

test.beforeAll(async () => {
  // Of its own, as it is to come back at it.
  peerServer = await stockPeerServer({ ...address, port: await freePort() })
  pages = await startScriptPages()
})

test.afterAll(async () => {
  await peerServer.stop()
  await pages.stop()
})

/** Keeps hold of each WebSocket of a page, and of the names of its channels; runs before the page's own scripts. */
function keepSockets(): void {
  const page = globalThis as unknown as MeshPage
  page.sockets = []
  page.labels = []
  const { createDataChannel } = RTCPeerConnection.prototype
  RTCPeerConnection.prototype.createDataChannel = function (label, options) {
    page.labels.push(label)
    return createDataChannel.call(this, label, options)
  }
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
  await enterRoom(page)
  return page
}

/** Loads the page with the script tag and joins the room. */
async function enterRoom(page: Page): Promise<void> {
  await page.goto(pages.url)
  await page.evaluate(
    async (server) => {
      const mesh = await ringmesh.join({ signal: ringmesh.peerjs(server), room: 'lobby test' })
      Object.assign(globalThis, { mesh })
    },
    { ...address, port: peerServer.port },
  )
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

/** The files that a tab loaded after its page. */
function loaded(tab: Page): Promise<string[]> {
  return tab.evaluate(() =>
    performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname.slice(1)),
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
    // A tab that asks for a lobby has a socket for it until the server says that it is taken.
    await expect.poll(() => Promise.all(tabs.map(holdsLobby))).toEqual([false, false])
    for (const tab of [holder, ...tabs]) {
      expect(await loaded(tab)).toEqual(expect.arrayContaining([...scripts]))
      const labels = await tab.evaluate(() => (globalThis as unknown as MeshPage).labels)
      // Every channel that a tab made is PeerJS's: the one of its test of WebRTC, and DataConnections.
      expect(labels.filter((label) => !['_PEERJSTEST', 'ringmesh'].includes(label))).toEqual([])
    }
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
    peerServer = await stockPeerServer({ ...address, port: peerServer.port })
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

test('a page that cannot load the package, or has no WebRTC, is in the mesh all the same', async ({
  context,
}, testInfo) => {
  test.setTimeout(120_000)
  await context.addInitScript(keepSockets)
  const tab = await openTab(context)
  const edge = await join({ signal: peerjs({ ...address, port: peerServer.port }), room: 'lobby test' })
  try {
    const unpackaged = await context.newPage()
    await unpackaged.route('**/ringmesh.peerjs.js', (route) => route.abort())
    await enterRoom(unpackaged)
    const blocked = await context.newPage()
    await blocked.addInitScript(() => {
      globalThis.RTCPeerConnection = class {
        constructor() {
          throw new DOMException('WebRTC is forbidden here', 'NotAllowedError')
        }
      } as never
    })
    const start = Date.now()
    await enterRoom(blocked)
    await agreed([tab, unpackaged, blocked], edge)
    measured(testInfo, 'a page with WebRTC blocked', `in by relay after ${Date.now() - start} ms`)
    await expect.poll(() => linksOf(unpackaged)).toEqual(['direct', 'direct', 'relay', 'self'])
    await expect.poll(() => linksOf(blocked)).toEqual(['relay', 'relay', 'relay', 'self'])
  } finally {
    await edge.leave()
  }
})
