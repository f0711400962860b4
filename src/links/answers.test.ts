import { expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { encodeMessage, type Message, protocolVersion } from '../wire/index.js'
import type { LinkEvents } from './link.js'
import { Session } from './session.js'
import { sessionSettings } from './session-settings.js'

/** A session over a link of which nothing ever leaves, as to a peer that asks and does not read. */
function stuck() {
  let events: LinkEvents | undefined
  // More than a link that is read ever holds; less would be answered in any case.
  let buffered = 2 * sessionSettings.highWater - 10_000
  const time = new VirtualTime(1)
  const session = new Session(time.runtime(), () => 1, {
    message() {},
    carried() {},
    doubted() {},
    closed() {},
    drained() {},
    refused() {},
    reset() {},
  })
  session.attach((linkEvents) => {
    events = linkEvents
    return {
      kind: 'direct',
      remote: 'b',
      largestFrame: 65_536,
      get buffered() {
        return buffered
      },
      send: (frame) => {
        buffered += frame.length
      },
      close() {},
    }
  })
  events?.open()
  return {
    time,
    session,
    buffered: () => buffered,
    say: (message: Message) => events?.frame(encodeMessage(message)),
  }
}

const hello = { type: 'session.hello', protocol: protocolVersion, received: 0, answer: false } as const

it.each<[string, (n: number) => Message]>([
  ['how long the way is', (n) => ({ type: 'session.echo', stamp: n, answer: false })],
  ['who is there', () => ({ ...hello, session: 5, peerSession: 1 })],
  ['who is there, as somebody new each time', (n) => ({ ...hello, session: n + 1, peerSession: 0 })],
])('keeps no answers without end for a peer that asks on and on and reads none: %s', (_what, question) => {
  const { session, buffered, say } = stuck()
  const start = buffered()
  let n = 0
  while (n < 5_000) say(question(n++))
  const full = buffered()
  expect(full).toBeGreaterThan(start + 5_000)
  while (n < 10_000) say(question(n++))
  expect(buffered()).toBe(full)
  session.end('done')
})

it.each<[string, number]>([
  ['sends on and on', 1],
  ['sends the same again and again', 0],
])('keeps no acknowledgements without end for a peer that %s and reads none', (_what, step) => {
  const { time, session, buffered, say } = stuck()
  const body = new Uint8Array(sessionSettings.acknowledgeBytes)
  const messages = [encodeMessage({ type: 'mesh.user', body })]
  const sendUpTo = (end: number): void => {
    for (; sent < end; sent++) {
      say({ type: 'session.data', first: sent * step, acknowledged: 0, messages })
      time.advance(sessionSettings.acknowledgePause)
    }
  }
  let sent = 0
  say({ ...hello, session: 5, peerSession: 1, answer: true })
  const start = buffered()
  sendUpTo(5_000)
  const full = buffered()
  expect(full).toBeGreaterThan(start + 5_000)
  sendUpTo(10_000)
  expect(buffered()).toBe(full)
  session.end('done')
})
