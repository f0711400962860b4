import { describe, expect, it } from 'vitest'
import { priorities } from '../wire/index.js'
import { pair } from './testing/pair.js'
import { user } from './testing/test-peer.js'

/** Two peers with nothing but the relay, where what waits in the socket of `a` is for others. */
function behindOthers() {
  const { time, a, b } = pair({}, { direct: false })
  const socket = { buffered: 0 }
  Object.defineProperty(a.signaling, 'buffered', { get: () => socket.buffered })
  time.advance(1_000)
  expect(a.links.kind('b')).toBe('relay')
  return { time, a, b, socket }
}

describe('a message by the relay, whose socket is full of what goes to others', () => {
  it.each([1, 1_000_000])('leaves as soon as the socket has drained of %i bytes', (bytes) => {
    const { time, a, b, socket } = behindOthers()
    socket.buffered = bytes
    a.links.send('b', user('soon'), priorities.bulk)
    time.advance(50)
    expect(b.received).toEqual([])
    socket.buffered = 0
    time.advance(20)
    expect(b.received).toEqual(['soon'])
  })

  it('leaves soon where others fill it again and again', () => {
    const { time, a, b, socket } = behindOthers()
    socket.buffered = 50_000
    a.links.send('b', user('soon'), priorities.bulk)
    time.advance(200)
    expect(b.received).toEqual(['soon'])
  })

  it('leaves at once where the socket has drained before it is sent', () => {
    const { time, a, b, socket } = behindOthers()
    a.links.send('b', user('before'), priorities.bulk)
    socket.buffered = 1_000_000
    // The acknowledgement comes, and nothing is waiting to be sent.
    time.advance(100)
    socket.buffered = 0
    a.links.send('b', user('now'), priorities.bulk)
    time.advance(5)
    expect(b.received).toEqual(['before', 'now'])
  })
})
