import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, expect, type Page, test } from '@playwright/test'
import { type SignalServer, startSignalServer } from '../signaling/index.js'
import { freePort } from '../signaling/testing/free-port.js'
import { RawPeer } from '../signaling/testing/raw-peer.js'
import type { join as joinMesh, Mesh } from '../src/index.js'
import { startScriptPages } from './support/script-pages.js'

const secret = 'north of the wall'
/** Credentials are renewed after three quarters of it. */
const ttlSeconds = 8

type IceServers = readonly {
  urls: string | string[]
  username?: string | undefined
  credential?: string | undefined
}[]

let coturn: ChildProcess
let directory: string
let signal: SignalServer

test.beforeAll(async () => {
  ensureInstalled()
  const port = await freePort()
  directory = mkdtempSync(join(tmpdir(), 'ringmesh-coturn-'))
  coturn = spawn(
    'turnserver',
    [
      ...['-n', '--no-tls', '--allow-loopback-peers', '--fingerprint', '--log-file=stdout', ...switchedOff()],
      ...['--listening-ip=127.0.0.1', '--relay-ip=127.0.0.1', `--listening-port=${port}`],
      ...['--use-auth-secret', `--static-auth-secret=${secret}`, '--realm=ringmesh.test'],
      ...[`--pidfile=${join(directory, 'pid')}`, `--userdb=${join(directory, 'db')}`],
    ],
    { stdio: 'ignore', cwd: directory },
  )
  const ended = new Promise<never>((_resolve, reject) => {
    coturn.once('exit', (code) => reject(new Error(`turnserver ended with ${code}`)))
  })
  ended.catch(() => {})
  await Promise.race([listening(port), ended])
  signal = await startSignalServer({
    port: 0,
    turn: { urls: [`turn:127.0.0.1:${port}?transport=udp`], secret, ttlSeconds },
    log: () => {},
  })
})

test.afterAll(async () => {
  await signal?.close()
  coturn?.kill('SIGKILL')
  rmSync(directory, { recursive: true, force: true })
})

/** Resolves when something listens on a TCP port, as coturn does beside UDP. */
async function listening(port: number): Promise<void> {
  for (;;) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy()
        resolve(true)
      })
      socket.on('error', () => resolve(false))
    })
    if (isOpen) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

function ensureInstalled(): void {
  const check = (): void => void execFileSync('turnserver', ['--version'], { stdio: 'ignore' })
  try {
    check()
  } catch {
    try {
      execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'coturn'], { stdio: 'ignore' })
    } catch (cause) {
      throw new Error('this test needs coturn: install it, as with `apt-get install coturn`', { cause })
    }
  }
}

/** What is on in coturn 4.6 unless it is said, and is neither on nor known any more in 4.18. */
function switchedOff(): string[] {
  const known = execFileSync('turnserver', ['-h'], { encoding: 'utf8' })
  return ['--no-cli', '--no-dtls'].filter((flag) => known.includes(flag))
}

/** Connects two ends within a page through nothing but the relay, and gives what came through; or why it did not. */
function throughRelay(page: Page, iceServers: IceServers): Promise<string> {
  return page.evaluate(async (servers) => {
    const configuration = { iceServers: servers, iceTransportPolicy: 'relay' } as RTCConfiguration
    const [a, b] = [new RTCPeerConnection(configuration), new RTCPeerConnection(configuration)]
    const result = new Promise<string>((resolve) => {
      for (const [from, to] of [
        [a, b],
        [b, a],
      ] as const) {
        from.onicecandidate = ({ candidate }) => {
          if (candidate !== null) void to.addIceCandidate(candidate)
        }
        from.onicecandidateerror = (event) => {
          if (event.errorCode === 401) resolve(`refused ${event.errorCode}`)
        }
      }
      b.ondatachannel = ({ channel }) => {
        channel.onmessage = ({ data }) => resolve(`got ${data}`)
      }
      const channel = a.createDataChannel('test')
      channel.onopen = () => channel.send('hello')
    })
    await a.setLocalDescription(await a.createOffer())
    await b.setRemoteDescription(a.localDescription as RTCSessionDescription)
    await b.setLocalDescription(await b.createAnswer())
    await a.setRemoteDescription(b.localDescription as RTCSessionDescription)
    const outcome = await result
    a.close()
    b.close()
    return outcome
  }, iceServers)
}

test('coturn takes the credentials that are handed out, and those of the renewal after their end', async ({
  page,
}) => {
  const peer = new RawPeer(signal.url)
  await peer.opened()
  peer.send({
    type: 'signal.join',
    protocol: 1,
    room: 'relay',
    peer: { id: 'a', kind: 'tab', weight: 1, host: 'h' },
    token: null,
  })
  await page.goto('about:blank')
  const first = (await peer.next('signal.welcome')).iceServers
  expect(await throughRelay(page, first)).toBe('got hello')

  const renewed = (await peer.next('signal.iceServers')).iceServers
  const end = Number(first[0]?.username?.split(':')[0]) * 1000
  // coturn looks at whole seconds.
  await expect.poll(() => Date.now() > end + 1_500, { timeout: ttlSeconds * 2_000 }).toBe(true)
  expect(await throughRelay(page, first)).toMatch(/^refused/)
  const last = (await peer.next('signal.iceServers')).iceServers
  expect(last).not.toEqual(renewed)
  expect(await throughRelay(page, last)).toBe('got hello')
  peer.close()
})

/** The window of a tab that joined. */
type Joined = {
  readonly ringmesh: { readonly join: typeof joinMesh }
  readonly mesh: Mesh
  readonly connections: readonly RTCPeerConnection[]
  readonly heard: string[]
}

/** Opens a tab that joins by nothing but TURN, and keeps its connections at hand as `connections`. */
async function joinByRelay(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage()
  await page.addInitScript(() => {
    const connections: RTCPeerConnection[] = []
    const Native = RTCPeerConnection
    class Watched extends Native {
      constructor(configuration?: RTCConfiguration) {
        super(configuration)
        connections.push(this)
      }
    }
    Object.assign(window, { connections, RTCPeerConnection: Watched, heard: [] })
  })
  await page.goto(url)
  await page.evaluate(async (signal) => {
    const { join } = (window as unknown as Joined).ringmesh
    const mesh = await join({ signal, room: 'mesh', iceTransportPolicy: 'relay', relay: 'never' })
    mesh.on('message', (message) => (window as unknown as Joined).heard.push(message as string))
    Object.assign(window, { mesh })
  }, signal.url)
  return page
}

/** Of each page: its direct links, and the kinds of candidates that its open connections chose. */
function linksOf(pages: readonly Page[]): Promise<{ direct: number; candidates: string[] }[]> {
  return Promise.all(
    pages.map((page) =>
      page.evaluate(async () => {
        const { mesh, connections } = window as unknown as Joined
        const direct = mesh.members().filter(({ link }: { link: string }) => link === 'direct').length
        const candidates: string[] = []
        for (const connection of connections) {
          if (connection.connectionState !== 'connected') continue
          const stats = await connection.getStats()
          for (const { type, selectedCandidatePairId } of stats.values()) {
            if (type !== 'transport') continue
            const pair = stats.get(selectedCandidatePairId)
            candidates.push(stats.get(pair?.localCandidateId)?.candidateType)
          }
        }
        return { direct, candidates }
      }),
    ),
  )
}

/** Every page tells all others, and hears all of them. */
async function allHear(pages: readonly Page[], word: string): Promise<void> {
  for (const [index, page] of pages.entries())
    await page.evaluate((said) => (window as unknown as Joined).mesh.broadcast(said), `${word} ${index}`)
  for (const [index, page] of pages.entries()) {
    const expected = pages.map((_, other) => `${word} ${other}`).filter((_, other) => other !== index)
    await expect
      .poll(() =>
        page.evaluate(
          (start) =>
            (window as unknown as Joined).heard.filter((said: string) => said.startsWith(start)).sort(),
          word,
        ),
      )
      .toEqual(expected)
  }
}

test('a mesh by nothing but TURN forms with what the server hands out, and outlives a renewal', async ({
  context,
}) => {
  const scripts = await startScriptPages()
  const pages: Page[] = []
  const complete = (): { direct: number; candidates: string[] }[] =>
    pages.map(() => ({ direct: pages.length - 1, candidates: pages.slice(1).map(() => 'relay') }))
  try {
    for (let tab = 0; tab < 3; tab++) pages.push(await joinByRelay(context, scripts.url))
    await expect.poll(() => linksOf(pages), { timeout: 20_000 }).toEqual(complete())
    await allHear(pages, 'before')

    // All that was handed out until now is refused from here on, as the test above shows.
    const end = Date.now() + (ttlSeconds + 2) * 1000
    await expect.poll(() => Date.now() > end, { timeout: ttlSeconds * 2_000 }).toBe(true)
    expect(await linksOf(pages)).toEqual(complete())
    await allHear(pages, 'after')

    // The others meet the newcomer with credentials of the renewal.
    pages.push(await joinByRelay(context, scripts.url))
    await expect.poll(() => linksOf(pages), { timeout: 20_000 }).toEqual(complete())
    await allHear(pages, 'with a newcomer')
  } finally {
    await scripts.stop()
  }
})
