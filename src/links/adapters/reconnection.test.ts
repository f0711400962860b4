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
