import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { encodeMessage, type Message } from '../wire/index.js'
import type { Outcome, Request } from './cluster.js'
import { servedAtOnce } from './constants.js'
import { Requests } from './requests.js'

const hello: Message = { type: 'mesh.user', body: new Uint8Array([1]) }

/** Two peers, 5 ms apart, whose messages can be dropped. */
function pair() {
  const time = new VirtualTime()
  const state = { isUp: true, isConnected: true, lossy: false }
  const make = (self: string, other: () => Requests): Requests =>
    new Requests({
      runtime: time.runtime(self),
      view: () => `view of ${self}`,
      isUp: () => state.isUp,
      send: (_to, message) => {
        if (!state.isConnected) return false
        if (!state.lossy) time.timer(5, () => other().receive(self, message as never))
        return true
      },
    })
  const a: Requests = make('a', () => b)
  const b: Requests = make('b', () => a)
  const outcomes: Outcome[] = []
  const ask = (timeout = 100) => a.ask('b', hello, timeout, (outcome) => outcomes.push(outcome))
  return { time, state, a, b, outcomes, ask }
}

describe('Requests', () => {
  it('answers with the reply, and passes on the sender and its view', () => {
    const { time, b, outcomes, ask } = pair()
    let seen: Request | undefined
    b.serve('mesh.user', (message, request) => {
      seen = request
      request.reply(message)
      request.refuse('busy')
    })
    ask()
    time.advance(10)
    expect(outcomes).toEqual([{ kind: 'reply', message: hello }])
    expect(seen?.from).toBe('a')
    expect(seen?.view).toBe('view of a')
    time.advance(1000)
    expect(outcomes).toHaveLength(1)
  })

  it('times out, and drops the answer that comes after', () => {
    const { time, a, b, outcomes, ask } = pair()
    b.serve('mesh.user', (message, request) => {
      time.timer(200, () => request.reply(message))
    })
    ask(100)
    time.advance(99)
    expect(outcomes).toEqual([])
    time.advance(1000)
    expect(outcomes).toEqual([{ kind: 'timeout' }])
    expect(a.waiting).toBe(0)
  })

  it('ends at once when the peer dies, is unknown, or takes no more', () => {
    const { time, state, a, outcomes, ask } = pair()
    state.lossy = true
    ask(10_000)
    a.down('b')
    expect(outcomes).toEqual([{ kind: 'down' }])
    state.isConnected = false
    ask()
    expect(outcomes).toHaveLength(1)
    time.advance(0)
    expect(outcomes[1]).toEqual({ kind: 'refused', reason: 'busy' })
    state.isUp = false
    ask()
    time.advance(0)
    expect(outcomes[2]).toEqual({ kind: 'down' })
  })

  it('refuses what nobody serves, what is malformed, and what its server throws at', () => {
    const { time, a, b, outcomes, ask } = pair()
    ask()
    b.receive('a', { type: 'mesh.request', id: 99, view: '', body: new Uint8Array([0xc1]) })
    time.advance(10)
    expect(outcomes).toEqual([{ kind: 'refused', reason: 'unserved' }])
    b.serve('mesh.user', () => {
      throw new Error('a bug of the server')
    })
    ask()
    time.advance(10)
    expect(outcomes[1]).toEqual({ kind: 'refused', reason: 'malformed' })
    expect(a.waiting).toBe(0)
  })

  it('takes an answer only from the peer that was asked', () => {
    const { time, a, outcomes, state, ask } = pair()
    state.lossy = true
    ask()
    a.receive('mallory', { type: 'mesh.reply', id: 0, view: '', body: encodeMessage(hello) })
    time.advance(50)
    expect(outcomes).toEqual([])
    a.receive('b', { type: 'mesh.reply', id: 0, view: '', body: encodeMessage(hello) })
    expect(outcomes).toEqual([{ kind: 'reply', message: hello }])
  })

  it('bounds what one peer has in hand here', () => {
    const { time, b, outcomes, ask } = pair()
    b.serve('mesh.user', () => {})
    for (let asked = 0; asked < servedAtOnce + 3; asked++) ask(1000)
    time.advance(20)
    expect(outcomes).toEqual(Array(3).fill({ kind: 'refused', reason: 'busy' }))
    b.down('a')
    ask(1000)
    time.advance(20)
    expect(outcomes).toHaveLength(3)
  })

  it('gives up without a word, and on closing ends all that waits', () => {
    const { time, a, outcomes, state, ask } = pair()
    state.lossy = true
    const giveUp = ask()
    giveUp()
    ask()
    a.close()
    expect(outcomes).toEqual([{ kind: 'refused', reason: 'closing' }])
    time.advance(1000)
    expect(outcomes).toHaveLength(1)
  })
})
