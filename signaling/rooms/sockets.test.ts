import { describe, expect, it } from 'vitest'
import { FakeInstance, FakeService } from '../testing/fake-peer.js'

describe('sockets on virtual time', () => {
  it('refuse who says nothing, once the handshake is over', () => {
    const service = new FakeService(1, 1)
    const one = service.instance('one', { handshakeMilliseconds: 5_000 })
    const peer = service.peer('a', one)
    const silent = service.peer('b', one)
    silent.got.length = 0
    service.time.advance(20_000)
    expect(peer.open).toBe(true)
    expect(one.tally.refusals.size).toBe(0)
  })

  it('bound the time that admission may take', () => {
    const service = new FakeService(1, 1)
    const one = service.instance(
      'one',
      { handshakeMilliseconds: 5_000 },
      { admit: () => {}, spend: () => {}, busIsBack: () => {} },
    )
    const peer = service.peer('a', one)
    service.time.advance(4_000)
    expect(peer.open).toBe(true)
    service.time.advance(3_000)
    expect(peer.got).toMatchObject([{ type: 'signal.refused', error: 'Busy' }])
    expect(peer.open).toBe(false)
    expect([...one.tally.refusals.keys()]).toEqual(['handshake-timeout'])
    expect(service.time.pending).toBe(0)
  })

  it('cut nobody off who was not asked before, however rarely silence is looked for', () => {
    const service = new FakeService(1, 1)
    // Silence is looked for every second: both bounds are passed from one look to the next.
    const one = service.instance('one', { idleMilliseconds: 900 })
    const answers = service.peer('a', one)
    for (let second = 0; second < 10; second++) {
      const { probes } = answers
      service.time.advance(1_000)
      if (answers.probes > probes) answers.answerProbe()
    }
    expect(answers.open).toBe(true)
    expect(answers.probes).toBeGreaterThan(5)
  })

  it('cut nobody off for the time that the process itself was asleep', () => {
    const service = new FakeService(1, 1)
    let slept = 0
    const runtime = { ...service.runtime, now: () => service.runtime.now() + slept }
    const one = new FakeInstance(runtime, service.hub.bus('one'), { idleMilliseconds: 30_000 })
    const [answers, silent] = [service.peer('a', one), service.peer('b', one)]
    service.time.advance(16_500)
    expect([answers.probes, silent.probes]).toEqual([1, 1])
    slept = 600_000
    // Timers that are due fire before what came is read.
    service.time.advance(1_000)
    expect([answers.open, silent.open]).toEqual([true, true])
    answers.answerProbe()
    service.time.advance(2_000)
    expect(answers.open).toBe(true)
    expect(silent.endedBy).toBe('cut')
  })

  it('probe a silent socket and cut off one that does not answer', () => {
    const service = new FakeService(1, 1)
    const one = service.instance('one', { idleMilliseconds: 30_000 })
    const [answers, silent] = [service.peer('a', one), service.peer('b', one)]
    for (let second = 0; second < 120; second++) {
      const { probes } = answers
      service.time.advance(1_000)
      if (answers.probes > probes) answers.answerProbe()
    }
    expect(answers.open).toBe(true)
    expect(silent.endedBy).toBe('cut')
    expect(answers.got).toContainEqual({ type: 'signal.closed', peer: 'b', clean: false })
    // One probe for every 15 s of silence, not more.
    expect(answers.probes).toBeLessThanOrEqual(8)
  })

  it('make a sender wait that is over its rate, exactly as long as its debt lasts', () => {
    const service = new FakeService(1, 1)
    const one = service.instance('one', { framesPerSecond: 10 })
    const peer = service.peer('a', one)
    service.time.advance(100)
    for (let n = 0; n < 40; n++) peer.say({ type: 'signal.ping' })
    expect(peer.count('signal.pong')).toBe(40)
    expect(one.tally.throttledByFrames).toBe(20)
    service.time.advance(10_000)
    const { paused } = peer
    for (let n = 0; n < 20; n++) peer.say({ type: 'signal.ping' })
    expect(peer.paused).toBe(paused)
  })

  it('cut a slow reader off at the limit, and send it nothing more', () => {
    const service = new FakeService(1, 1)
    const one = service.instance('one', { bufferedBytes: 1_000 })
    const [a, slow] = [service.peer('a', one), service.peer('slow', one)]
    service.time.advance(100)
    slow.buffered = 990
    a.say({ type: 'signal.relay', to: 'slow', frame: new Uint8Array(100) })
    expect(slow.endedBy).toBe('cut')
    service.time.advance(100)
    expect(a.got.at(-1)).toEqual({ type: 'signal.closed', peer: 'slow', clean: false })
    expect(one.tally.slowConsumers).toBe(1)
  })
})
