import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, type Page, test } from '@playwright/test'
import { type SignalServer, startSignalServer } from '../signaling/index.js'
import { RawPeer } from '../signaling/testing/raw-peer.js'
import { freePort } from '../signaling/testing/redis-server.js'

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
      ...[
        '-n',
        '--no-cli',
        '--no-tls',
        '--no-dtls',
        '--allow-loopback-peers',
        '--fingerprint',
        '--log-file=stdout',
      ],
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
