import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { Beliefs } from './beliefs.js'
import { LATE_TIMER, PROBE_PERIOD, WAKE_PERIODS, WAKE_SILENCE, WAKE_SYNCS } from './constants.js'
import { Timekeeper } from './timekeeper.js'

const never = Number.POSITIVE_INFINITY

/** A timekeeper of works that only say that they were called; its timers do not fire while it is asleep. */
function keeper() {
  const time = new VirtualTime(1)
  const said: string[] = []
  let isAsleep = false
  const runtime = time.runtime('a')
  const beliefs = new Beliefs({
    runtime: {
      ...runtime,
      timer: (delay, fire) => runtime.timer(delay, () => isAsleep || fire()),
    },
    self: { id: 'a', kind: 'tab', weight: 1, host: 'a' },
    send: () => {},
    changed: () => {},
  })
  const due = { probe: never, verdict: never, lateness: 0 }
  const say = (what: string) => () => {
    said.push(what)
  }
  const timekeeper = new Timekeeper({
    beliefs,
    prober: {
      health: 1,
      get due() {
        return due.probe
      },
      expire: (now) => {
        if (now < due.probe) return
        due.probe = never
        said.push('expire')
      },
      forget: say('forget probes'),
      period: say('probe'),
    },
    errands: { due: never, isEmpty: true, expire: say('nack'), forget: say('forget errands') },
    verdicts: {
      due: () => due.verdict,
      run: (now) => {
        if (now < due.verdict) return
        due.verdict = never
        said.push('verdict')
      },
      excuse: (lateness) => {
        due.lateness = lateness
        said.push('excuse')
      },
      woke: say('woke'),
    },
    greetings: { period: say('greet') },
    ownWord: { returnAt: never, run: () => {} },
    pushPull: { startWithAny: say('sync') },
  })
  /** Does nothing for so long; then frames come, or the timer is late. */
  const sleep = (milliseconds: number): void => {
    isAsleep = true
    time.advance(milliseconds)
    isAsleep = false
    said.length = 0
  }
  return { time, said, beliefs, due, timekeeper, sleep }
}

describe('the timekeeper', () => {
  it('probes and greets once a period', () => {
    const { time, said, timekeeper } = keeper()
    timekeeper.start()
    time.advance(10 * PROBE_PERIOD)
    expect(said.filter((what) => what === 'probe')).toHaveLength(10)
    expect(said.filter((what) => what === 'greet')).toHaveLength(10)
  })

  it('does sooner what falls due sooner, once it is told', () => {
    const { time, said, due, timekeeper } = keeper()
    timekeeper.start()
    time.advance(PROBE_PERIOD)
    said.length = 0
    due.probe = time.now + 5
    time.advance(4)
    timekeeper.armForMessage(time.now)
    expect(said).toEqual([])
    time.advance(1)
    expect(said).toEqual(['expire'])
  })

  it('gives no verdict for a timer that is late before the probes are forgotten and the time is excused', () => {
    const { time, said, due, timekeeper, sleep } = keeper()
    timekeeper.start()
    time.advance(PROBE_PERIOD)
    due.probe = time.now + 10
    due.verdict = time.now + 10
    timekeeper.arm(time.now)
    sleep(10 + LATE_TIMER + 500)
    timekeeper.catchUp(time.now)
    expect(said.slice(0, 3)).toEqual(['forget probes', 'forget errands', 'excuse'])
    expect(due.lateness).toBe(LATE_TIMER + 500)
  })

  it('does nothing of that for a timer that is a little late, which a throttled page is given', () => {
    const { time, said, due, timekeeper, sleep } = keeper()
    timekeeper.start()
    time.advance(PROBE_PERIOD)
    due.verdict = time.now + 10
    timekeeper.arm(time.now)
    sleep(LATE_TIMER)
    timekeeper.catchUp(time.now)
    expect(said).toEqual([])
  })

  it('takes a long gap for a sleep: no verdicts for a while, and syncs with others', () => {
    const { time, said, beliefs, timekeeper, sleep } = keeper()
    timekeeper.start()
    time.advance(PROBE_PERIOD)
    sleep(PROBE_PERIOD * (WAKE_PERIODS + 1))
    timekeeper.catchUp(time.now)
    expect(said.slice(0, 3)).toEqual(['forget probes', 'forget errands', 'woke'])
    expect(said.filter((what) => what === 'sync')).toHaveLength(WAKE_SYNCS)
    expect(beliefs.silentUntil).toBe(time.now + WAKE_SILENCE)
  })

  it('wakes once, though several things tell of it', () => {
    const { time, said, timekeeper } = keeper()
    timekeeper.start()
    time.advance(PROBE_PERIOD)
    said.length = 0
    timekeeper.woke(time.now)
    time.advance(LATE_TIMER - 1)
    timekeeper.woke(time.now)
    expect(said.filter((what) => what === 'woke')).toHaveLength(1)
  })

  it('does nothing before it starts, and nothing more once it stops', () => {
    const { time, said, timekeeper } = keeper()
    timekeeper.arm(time.now)
    time.advance(10 * PROBE_PERIOD)
    expect(said).toEqual([])
    timekeeper.start()
    timekeeper.stop()
    timekeeper.arm(time.now)
    time.advance(10 * PROBE_PERIOD)
    expect(said).toEqual([])
  })
})
