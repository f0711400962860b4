import { readFileSync } from 'node:fs'
import { expect, type Peer, test } from 'ringmesh/playwright'
import { InstanceProcess } from '../signaling/testing/instance-process.js'
import { RedisServer } from '../signaling/testing/redis-server.js'
import type { Mesh } from '../src/index.js'
import { type LoopbackServer, serveOnLoopback } from './support/loopback-server.js'
import { measured } from './support/measured.js'

/** Milliseconds in which every peer of an instance that died is at another one. */
const backWithin = 5_000

const scripts = new Map(
  ['ringmesh.global.js', 'ringmesh.mesh.js'].map((name) => [
    `/${name}`,
    readFileSync(new URL(`../dist/${name}`, import.meta.url)),
  ]),
)

let redis: RedisServer
let instances: readonly [InstanceProcess, InstanceProcess]
let pages: LoopbackServer

/** Every second page tries the instances the other way round, so that tabs are split over them. */
function page(urls: readonly string[]): string {
  return `<!doctype html><meta charset="utf-8"><script src="/ringmesh.global.js"></script><script>
    const room = new URLSearchParams(location.search).get('room')
    ringmesh.join({ signal: ${JSON.stringify(urls)}, room }).then(
      (mesh) => { window.mesh = mesh },
      (error) => { window.meshError = error.name + ': ' + error.message },
    )
  </script>`
}

test.beforeAll(async () => {
  redis = await RedisServer.start()
  const options = { redis: redis.url }
  instances = await Promise.all([InstanceProcess.start(options), InstanceProcess.start(options)])
  const urls = instances.map(({ url }) => url)
  let served = 0
  pages = await serveOnLoopback((request, response) => {
    const script = scripts.get(request.url ?? '')
    if (script !== undefined) {
      response.setHeader('content-type', 'text/javascript').end(script)
    } else if (request.url?.startsWith('/?')) {
      const turned = served++ % 2 === 0 ? urls : [...urls].reverse()
      response.setHeader('content-type', 'text/html').end(page(turned))
    } else response.writeHead(204).end()
  })
})

test.afterAll(async () => {
  await Promise.all(instances?.map((instance) => instance.kill()) ?? [])
  await redis?.stop()
  await pages?.stop()
})

test.use({
  // Read when the test begins, by when the server above listens.
  ringmesh: async ({ browserName: _ }, use) => use({ url: pages.url }),
})

function ask(instance: InstanceProcess, path: string): Promise<Response> {
  return fetch(`${instance.url.replace('ws:', 'http:')}${path}`)
}

/** The peers whose socket is at an instance. */
async function socketsAt(instance: InstanceProcess): Promise<number> {
  const text = await (await ask(instance, '/metrics')).text()
  return Number(/^ringmesh_signal_open_connections (\d+)$/m.exec(text)?.[1])
}

async function busOf(instance: InstanceProcess): Promise<string> {
  return ((await (await ask(instance, '/readyz')).json()) as { bus: string }).bus
}

/** Has a page write down whom it saw go. */
function noteDowns(mesh: Mesh): void {
  const downs: string[] = []
  mesh.on('down', ({ id }) => downs.push(id))
  Object.assign(globalThis, { downs })
}

/**
 * Why links are closed that carried nothing for any of the eight: the relays that stand by beside direct links go with
 * the socket that they lead through, and a dial that a busy newcomer did not answer in time is made again.
 */
const ofNoLink = [
  'signalling lost',
  'no answer',
  'dial timed out',
  'given up by the other end',
  'dialled again',
]

/** What would be another if any link had been lost, or had a relay taken its place for a moment. */
function linksOf(peers: readonly Peer[], among: readonly string[]) {
  return Promise.all(
    peers.map((peer) =>
      peer.evaluate(
        (mesh, { among, ofNoLink }) => {
          const { peers: links, closed, resets } = mesh.stats().links
          const between = among.filter((id) => id !== mesh.id)
          return {
            downs: (globalThis as unknown as { downs: string[] }).downs,
            closed: Object.entries(closed).filter(([reason]) => !ofNoLink.includes(reason)),
            resets,
            links: between.map((id) => [id, links[id]?.kind, links[id]?.replacements]),
          }
        },
        { among, ofNoLink },
      ),
    ),
  )
}

/** Resolves when every peer has a direct link to every other. */
async function allDirect(peers: readonly Peer[]): Promise<void> {
  await expect
    .poll(() =>
      Promise.all(
        peers.map((peer) =>
          peer.evaluate((mesh) => mesh.members().filter(({ link }) => link === 'direct').length),
        ),
      ),
    )
    .toEqual(peers.map(() => peers.length - 1))
}

test('eight tabs over two instances on one Redis: neither the end of Redis nor that of an instance costs a link', async ({
  cluster,
}, testInfo) => {
  test.setTimeout(120_000)
  const [survivor, doomed] = instances
  const tabs = await cluster.tabs(8)
  const ids = tabs.map(({ id }) => id)
  await allDirect(tabs)
  for (const tab of tabs) await tab.evaluate(noteDowns)
  expect([await socketsAt(survivor), await socketsAt(doomed)]).toEqual([4, 4])
  const before = await linksOf(tabs, ids)

  await redis.kill()
  for (const instance of instances) await expect.poll(() => busOf(instance)).toBe('down')
  await redis.restart()
  const redisBack = Date.now()
  for (const instance of instances)
    await expect.poll(() => busOf(instance), { timeout: backWithin }).toBe('up')
  measured(testInfo, 'Redis is back, and the instances are one service', `${Date.now() - redisBack} ms`)
  const ninth = await cluster.tab()
  await cluster.settled()
  // Half of the links were made with peers of the other instance, through Redis.
  await allDirect([...tabs, ninth])
  expect(await linksOf(tabs, ids)).toEqual(before)
  expect([await socketsAt(survivor), await socketsAt(doomed)]).toEqual([5, 4])

  await doomed.kill()
  const killed = Date.now()
  await expect.poll(() => socketsAt(survivor), { timeout: backWithin, intervals: [50] }).toBe(9)
  measured(testInfo, 'an instance is killed, and its four tabs are at the other', `${Date.now() - killed} ms`)
  const tenth = await cluster.tab()
  await cluster.settled()
  await allDirect([...tabs, ninth, tenth])
  expect(await linksOf(tabs, ids)).toEqual(before)
})
