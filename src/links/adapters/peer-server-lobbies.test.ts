import { expect, it } from 'vitest'
import { VirtualTime } from '../../runtime/index.js'
import type { PeerInfo } from '../../wire/index.js'
import type { DialedLink, OpenDirect } from '../direct-link.js'
import type { LinkEvents } from '../link.js'
import { PeerServerSignaling } from './peer-server-signaling.js'
import type { PeerServerClients, PeerServerTransportEvents } from './peer-server-transport.js'

/** Milliseconds that a message takes through the server. */
const trip = 10

/** What a stock PeerServer does with ids and messages, in virtual time; all links that are dialled open. */
class MemoryPeerServer {
  readonly #time: VirtualTime
  readonly #clients = new Map<string, PeerServerTransportEvents>()
  /** Takers of lobbies, in their order. */
  readonly holders: string[] = []

  constructor(time: VirtualTime) {
    this.#time = time
  }

  clients(member: Member): PeerServerClients {
    return (id) => ({
      open: (events) => {
        let isClosed = false
        const later = (work: () => void): void =>
          void this.#time.runtime().timer(trip, () => {
            if (!isClosed && !member.isCrashed) work()
          })
        if (this.#clients.has(id)) later(() => events.closed('ID-TAKEN', true))
        else {
          this.#clients.set(id, events)
          if (id !== member.id) this.holders.push(member.id)
          later(() => events.open())
        }
        const close = (): void => {
          isClosed = true
          if (this.#clients.get(id) === events) this.#clients.delete(id)
        }
        member.sockets.push(close)
        return {
          buffered: 0,
          dial: member.dial,
          send: (to, message) => {
            if (isClosed) return
            this.#time.runtime().timer(trip, () => this.#clients.get(to)?.carried(id, message))
          },
          close,
        }
      },
    })
  }
}

class Member {
  readonly sockets: (() => void)[] = []
  isCrashed = false
  readonly signaling: PeerServerSignaling
  /** Of the link that it dialled. */
  link: LinkEvents | undefined

  constructor(
    readonly id: string,
    time: VirtualTime,
    server: MemoryPeerServer,
  ) {
    const self: PeerInfo = { id, kind: 'tab', weight: 1, host: id }
    const ignore = (): void => {}
    this.signaling = new PeerServerSignaling(
      time.runtime(),
      Promise.resolve(server.clients(this)),
      'nowhere',
      'room',
      self,
      {
        welcome: ignore,
        refused: ignore,
        joined: ignore,
        closed: ignore,
        offered: ignore,
        relayed: ignore,
        unreachable: ignore,
        lost: ignore,
      },
    )
  }

  readonly dial: OpenDirect = (remote, _initiator, _iceServers, _signal, events) => {
    this.link = events
    const link: DialedLink = {
      kind: 'direct',
      remote,
      buffered: 0,
      largestFrame: 65_536,
      send: () => {},
      close: () => {},
      signal: () => {},
    }
    return link
  }

  /** One that has connected as far as it can before time passes. */
  static async entering(id: string, time: VirtualTime, server: MemoryPeerServer): Promise<Member> {
    const member = new Member(id, time, server)
    await Promise.resolve()
    return member
  }

  crash(): void {
    this.isCrashed = true
    for (const close of this.sockets) close()
  }
}

/** Milliseconds from the crash of the holder until another holds the lobby. */
async function takeover(hint: (member: Member) => void): Promise<number> {
  const time = new VirtualTime()
  const server = new MemoryPeerServer(time)
  const holder = await Member.entering('a', time, server)
  time.advance(500)
  const others = [await Member.entering('b', time, server), await Member.entering('c', time, server)]
  time.advance(1_000)
  expect(others.every(({ signaling }) => signaling.connected)).toBe(true)
  for (const { signaling } of others) {
    signaling.dial(
      'a',
      true,
      [],
      () => {},
      { open() {}, frame() {}, drain() {}, trouble() {}, close() {} },
      1,
    )
  }
  for (const { link } of others) link?.open()
  // A moment after they entered, which is the worst for whoever waits for their next turn.
  time.advance(5_100)
  server.holders.length = 0
  holder.crash()
  for (const member of others) hint(member)
  const crashed = time.now
  while (server.holders.length === 0) time.advance(10)
  return time.now - crashed
}

it('finds another holder when the members next enter', async () => {
  expect(await takeover(() => {})).toBeLessThanOrEqual(5_000 + 2_000 + 1_000 + 10)
})

it('finds one at once when a link to the holder ends, or comes into doubt', async () => {
  expect(await takeover(({ link }) => link?.close('dead'))).toBeLessThanOrEqual(250 + 500 + 1_000 + 10)
  expect(await takeover(({ link }) => link?.trouble())).toBeLessThanOrEqual(250 + 500 + 1_000 + 10)
})

it('leaves a holder that answers where it is', async () => {
  const time = new VirtualTime()
  const server = new MemoryPeerServer(time)
  const holder = await Member.entering('a', time, server)
  time.advance(500)
  const other = await Member.entering('b', time, server)
  time.advance(1_000)
  other.signaling.dial(
    'c',
    true,
    [],
    () => {},
    { open() {}, frame() {}, drain() {}, trouble() {}, close() {} },
    1,
  )
  other.link?.open()
  server.holders.length = 0
  other.link?.close('dead')
  time.advance(20_000)
  expect(server.holders).toEqual([])
  expect(holder.signaling.connected).toBe(true)
})
