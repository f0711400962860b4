import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../../runtime/index.js'
import { encodeMessage, type Message, type PeerInfo } from '../../wire/index.js'
import type { StandardWebSocket, StandardWebSocketClass } from './standard-web-socket.js'
import { webSocketSignaling } from './websocket-signaling.js'

const self: PeerInfo = { id: 'a', kind: 'tab', weight: 1, host: 'a' }

/** How often a page connects within so many seconds to a server that welcomes it and then does what the test wants. */
async function connections(seconds: number, then: (server: FakeServer) => void): Promise<number> {
  const time = new VirtualTime(1)
  let count = 0
  const signaling = webSocketSignaling({
    runtime: time.runtime(),
    urls: ['ws://server'],
    room: 'room',
    WebSocket: class extends FakeServer {
      constructor() {
        super()
        count++
        time.timer(20, () => {
          this.onopen?.()
          this.say({ type: 'signal.welcome', peers: [], iceServers: [] })
          then(this)
        })
      }
    } as unknown as StandardWebSocketClass,
  })(self, {
    welcome() {},
    refused() {},
    joined() {},
    closed() {},
    offered() {},
    relayed() {},
    unreachable() {},
    lost() {},
  })
  for (let passed = 0; passed < seconds * 1_000; passed += 10) {
    time.advance(10)
    for (let turn = 0; turn < 4; turn++) await Promise.resolve()
  }
  signaling.close(true)
  return count
}

/** A page whose servers do what the test wants at each dial; passes virtual time until it has dialled so often. */
class Page {
  readonly time: VirtualTime
  readonly dialled: { readonly url: string; readonly at: number; readonly server: FakeServer }[] = []
  readonly welcomes: number[] = []
  readonly losses: number[] = []

  constructor(
    seed: number,
    urls: readonly string[],
    answer: (server: FakeServer, url: string, dials: number, protocols: readonly string[]) => void,
    token?: () => Promise<string>,
  ) {
    const time = new VirtualTime(seed)
    this.time = time
    const { dialled, welcomes, losses } = this
    const ignore = (): void => {}
    webSocketSignaling({
      runtime: time.runtime(),
      urls,
      room: 'room',
      token,
      WebSocket: class extends FakeServer {
        constructor(url: string, protocols: readonly string[]) {
          super()
          dialled.push({ url, at: time.now, server: this })
          time.timer(1, () => answer(this, url, dialled.length, protocols))
        }
      } as unknown as StandardWebSocketClass,
    })(self, {
      welcome: () => welcomes.push(time.now),
      ...{ refused: ignore, joined: ignore, closed: ignore, offered: ignore, relayed: ignore },
      unreachable: ignore,
      lost: () => losses.push(time.now),
    })
  }

  async passUntil(isSo: () => boolean): Promise<void> {
    for (let passed = 0; !isSo(); passed++) {
      if (passed === 10_000) throw new Error('it never was so')
      this.time.advance(10)
      for (let turn = 0; turn < 4; turn++) await Promise.resolve()
    }
  }
}

/** The page's end of a connection, with the server behind it. */
class FakeServer {
  readonly readyState = 1
  readonly bufferedAmount = 0
  readonly protocol = ''
  onopen: (() => void) | null = null
  onmessage: StandardWebSocket['onmessage'] = null
  onclose: (() => void) | null = null

  say(message: Message): void {
    const { buffer } = encodeMessage(message).slice()
    this.onmessage?.({ data: buffer } as never)
  }

  welcome(): void {
    this.onopen?.()
    this.say({ type: 'signal.welcome', peers: [], iceServers: [] })
  }

  end(): void {
    this.onclose?.()
  }

  send(): void {}
  close(): void {}
}

describe('a server that does not keep whom it welcomes', () => {
  it('is left alone for longer and longer where it closes at once', async () => {
    expect(await connections(120, (server) => server.end())).toBeLessThan(20)
  })

  it('is left alone for longer and longer where it always says that it is about to stop', async () => {
    expect(await connections(120, (server) => server.say({ type: 'signal.draining' }))).toBeLessThan(20)
  })

  it('is joined once where it stays', async () => {
    expect(await connections(120, () => {})).toBeLessThan(8)
  })
})

describe('several servers', () => {
  const urls = ['ws://one', 'ws://two', 'ws://three', 'ws://four']

  it('are tried again as soon after a loss of the last of them as of the first', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      let isDead = false
      const page = new Page(seed, urls, (server, url) =>
        url === 'ws://four' && !isDead ? server.welcome() : server.end(),
      )
      await page.passUntil(() => page.welcomes.length === 1)
      isDead = true
      const before = page.dialled.length
      const lost = page.time.now
      page.dialled.at(-1)?.server.end()
      await page.passUntil(() => page.dialled.length >= before + 2)
      const [same, next] = page.dialled.slice(before)
      expect(same?.url).toBe('ws://four')
      expect((same?.at ?? 0) - lost).toBeLessThanOrEqual(500 + 10)
      expect(next?.url).toBe('ws://one')
      expect((next?.at ?? 0) - (same?.at ?? 0)).toBeLessThanOrEqual(1_000 + 10)
    }
  })

  it('may lie behind proxies of which one takes no subprotocols, also where another server welcomed first', async () => {
    let isDead = false
    const page = new Page(1, ['ws://one', 'ws://two'], (server, url, _dials, protocols) => {
      const isThere = url === 'ws://one' ? !isDead : protocols.length === 0
      if (isThere) server.welcome()
      else server.end()
    })
    await page.passUntil(() => page.welcomes.length === 1)
    isDead = true
    page.dialled.at(-1)?.server.end()
    await page.passUntil(() => page.welcomes.length === 2)
    expect(page.dialled.at(-1)?.url).toBe('ws://two')
    // What is known of one server says nothing of the other.
    isDead = false
    page.dialled.at(-1)?.server.end()
    await page.passUntil(() => page.welcomes.length === 3)
    expect(page.dialled.at(-1)?.url).toBe('ws://two')
  })

  it('are lost as well where the one that is left falls silent before another is there', async () => {
    let isThere = true
    const page = new Page(1, ['ws://one', 'ws://two'], (server) => {
      if (isThere) server.welcome()
      else server.end()
    })
    await page.passUntil(() => page.welcomes.length === 1)
    isThere = false
    page.dialled[0]?.server.say({ type: 'signal.draining' })
    const silentFrom = page.time.now
    await page.passUntil(() => page.losses.length === 1)
    // Silence is looked for every 20 s, and an answer waited for 10.
    expect((page.losses[0] ?? 0) - silentFrom).toBeLessThanOrEqual(50_000 + 10)
    isThere = true
    await page.passUntil(() => page.welcomes.length === 2)
    expect(page.losses).toHaveLength(1)
  })

  it('are dialled with no token that came after its attempt was given up', async () => {
    const settle: ((token: string) => void)[] = []
    const page = new Page(
      1,
      ['ws://one', 'ws://two'],
      (server) => server.welcome(),
      () =>
        new Promise((resolve) => {
          settle.push(resolve)
          if (settle.length === 2) resolve('in time')
        }),
    )
    await page.passUntil(() => page.welcomes.length === 1)
    settle[0]?.('late')
    const now = page.time.now
    await page.passUntil(() => page.time.now > now + 2_000)
    expect(page.dialled.map(({ url }) => url)).toEqual(['ws://two'])
  })
})
