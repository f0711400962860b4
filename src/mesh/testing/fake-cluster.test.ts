import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../../runtime/index.js'
import type { Message } from '../../wire/index.js'
import type { Outcome } from '../cluster.js'
import { type FakeClusterOptions, fakeClusters } from './fake-cluster.js'

const ids = ['a', 'b', 'c', 'd']
const hello: Message = { type: 'mesh.user', body: new Uint8Array([1, 2, 3]) }

function network(options: FakeClusterOptions = {}) {
  const time = new VirtualTime('fake')
  return { time, net: fakeClusters(time, ids, options) }
}

describe('fakeClusters', () => {
  it('delivers in order, after the delay, and answers requests, to oneself too', () => {
    const { time, net } = network({ delay: 5 })
    const got: string[] = []
    net.cluster('b').receive('mesh.user', (message, from) => got.push(`${from} ${message.body.join()}`))
    net.cluster('a').send('b', hello)
    time.advance(4)
    expect(got).toEqual([])
    time.advance(1)
    expect(got).toEqual(['a 1,2,3'])
    for (const id of ['a', 'b'])
      net.cluster(id).serve('mesh.user', (message, request) => request.reply(message))
    const outcomes: Outcome[] = []
    for (const to of ['a', 'b', 'c', 'nobody'])
      net.cluster('a').request(to, hello, 1000, (outcome) => outcomes.push(outcome))
    time.advance(20)
    const kinds = outcomes.map((outcome) => (outcome.kind === 'refused' ? outcome.reason : outcome.kind))
    expect(kinds.sort()).toEqual(['down', 'reply', 'reply', 'unserved'])
  })

  it('lets a crash be noticed: suspect, then dead, out of the ring, requests down', () => {
    const { time, net } = network({ suspectAfter: 100, deadAfter: 300 })
    const downs: string[] = []
    net.cluster('a').on('down', (member) => downs.push(member.id))
    net.crash('b')
    const outcomes: Outcome[] = []
    net.cluster('a').request('b', hello, 1000, (outcome) => outcomes.push(outcome))
    time.advance(150)
    expect(net.cluster('a').member('b')?.state).toBe('suspect')
    expect(net.cluster('a').ring.has('b')).toBe(true)
    time.advance(200)
    expect(downs).toEqual(['b'])
    expect(outcomes).toEqual([{ kind: 'down' }])
    expect(net.cluster('a').ring.has('b')).toBe(false)
  })

  it('takes a peer through joining to alive when its work is done, and through leaving to left', () => {
    const { time, net } = network()
    const ups: string[] = []
    net.cluster('a').on('up', (member) => ups.push(member.id))
    let joined: () => void = () => {}
    const e = net.join('e')
    e.onJoining((done) => {
      joined = done
    })
    time.advance(50)
    expect(net.cluster('a').ring.has('e')).toBe(false)
    expect(net.cluster('a').nextRing.has('e')).toBe(true)
    joined()
    time.advance(50)
    expect(ups).toEqual(['e'])
    expect(new Set(net.clusters.map(({ view }) => view)).size).toBe(1)
    e.onLeaving((done) => e.runtime.timer(40, done))
    net.leave('e')
    time.advance(20)
    expect(net.cluster('a').ring.has('e')).toBe(true)
    expect(net.cluster('a').nextRing.has('e')).toBe(false)
    time.advance(50)
    expect(net.cluster('a').ring.has('e')).toBe(false)
    expect(e.running).toBe(false)
  })

  it('holds messages over a cut that heals, and brings back who was called dead', () => {
    const { time, net } = network({ suspectAfter: 100, deadAfter: 300 })
    let got = 0
    net.cluster('c').receive('mesh.user', () => got++)
    net.partition([
      ['a', 'b'],
      ['c', 'd'],
    ])
    net.cluster('a').send('c', hello)
    time.advance(50)
    expect(got).toBe(0)
    net.heal()
    time.advance(10)
    expect(got).toBe(1)
    net.partition([
      ['a', 'b'],
      ['c', 'd'],
    ])
    time.advance(1000)
    expect(
      net
        .cluster('a')
        .ring.nodes()
        .map(({ id }) => id),
    ).toEqual(['a', 'b'])
    net.heal()
    time.advance(50)
    expect(new Set(net.clusters.map(({ view }) => view)).size).toBe(1)
    expect(net.cluster('a').ring.size).toBe(4)
  })

  it('makes views differ for as long as one lags', () => {
    const { time, net } = network({ viewLag: (observer) => (observer === 'd' ? 500 : 0) })
    net.join('e')
    time.advance(50)
    expect(net.cluster('a').ring.has('e')).toBe(true)
    expect(net.cluster('d').ring.has('e')).toBe(false)
    time.advance(600)
    expect(net.cluster('d').view).toBe(net.cluster('a').view)
  })

  it('withdraws a false suspicion, and freezes timers and arrivals', () => {
    const { time, net } = network()
    net.suspect('b', ['a'], 200)
    expect(net.cluster('a').member('b')?.state).toBe('suspect')
    time.advance(300)
    expect(net.cluster('a').member('b')?.state).toBe('alive')
    let fired = 0
    net.cluster('c').runtime.timer(10, () => fired++)
    net.freeze('c', 100)
    time.advance(50)
    expect(fired).toBe(0)
    time.advance(60)
    expect(fired).toBe(1)
  })
})
