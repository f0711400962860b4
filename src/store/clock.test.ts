import { describe, expect, it } from 'vitest'
import { fakeClusters } from '../mesh/testing/fake-cluster.js'
import { VirtualTime } from '../runtime/index.js'
import { HybridClock, shifted, timeOf } from './clock.js'
import { ClockSurvey } from './clock-survey.js'
import { map } from './merges/index.js'
import { StoreRig } from './testing/store-rig.js'

const hour = 3_600_000

const at = (time: number) => `${time.toString(16).padStart(12, '0')}0000-b`

/** Machines that ask each other for their clocks, each of which may be wrong by some milliseconds. */
function machines(ids: readonly string[], wrong: Readonly<Record<string, number>>) {
  const time = new VirtualTime(1)
  const net = fakeClusters(time, ids)
  const clocks = new Map<string, HybridClock>()
  const surveys = new Map<string, ClockSurvey>()
  const changes: [id: string, change: number][] = []
  for (const cluster of net.clusters) {
    cluster.clockAhead = wrong[cluster.self] ?? 0
    const clock = new HybridClock(cluster.runtime, cluster.self)
    clocks.set(cluster.self, clock)
    surveys.set(
      cluster.self,
      new ClockSurvey(cluster, clock, (change) => changes.push([cluster.self, change])),
    )
  }
  const survey = () => {
    for (const each of surveys.values()) each.ask()
    time.advance(3_000)
  }
  const right = () => time.runtime().wallClock()
  const isRight = (id: string) => {
    const clock = clocks.get(id) as HybridClock
    return !clock.isAhead(at(right() + 8_900)) && clock.isAhead(at(right() + 11_100))
  }
  const clock = (id: string) => clocks.get(id) as HybridClock
  return { time, net, survey, changes, isRight, clock, right }
}

describe('HybridClock', () => {
  it('gives later and later versions, also of one millisecond', () => {
    const clock = new HybridClock(new VirtualTime(1).runtime('a'), 'a')
    const versions = Array.from({ length: 70_000 }, () => clock.next())
    expect(versions.every((version, at) => at === 0 || version > (versions[at - 1] as string))).toBe(true)
    clock.observe(shifted(versions[0] as string, 5_000))
    expect(timeOf(clock.next()) - timeOf(versions[0] as string)).toBeGreaterThanOrEqual(5_000)
  })

  it('set back, goes on below what others believe and above what they wrote', () => {
    const { clock, right } = machines(['a'], { a: hour })
    clock('a').next()
    expect(clock('a').correct(-hour)).toBe(-hour)
    expect(timeOf(clock('a').next())).toBeLessThan(right() + 10_000)
    expect(timeOf(clock('a').next())).toBeGreaterThanOrEqual(right())
  })
})

describe('ClockSurvey', () => {
  const ids = ['a', 'b', 'c', 'd', 'e']

  it.each([hour, -hour])('corrects one clock that is wrong by %i ms, and no other', (by) => {
    const { survey, changes, isRight } = machines(ids, { a: by })
    survey()
    for (const id of ids) expect(isRight(id), id).toBe(true)
    expect(changes.map(([id]) => id)).toEqual(['a'])
  })

  it('leaves clocks alone that are nearly right', () => {
    const { survey, changes } = machines(ids, { a: 4_000, b: -4_000 })
    survey()
    expect(changes).toEqual([])
  })

  it('goes by the earlier clock in a mesh of two', () => {
    const { survey, changes } = machines(['a', 'b'], { a: hour })
    survey()
    expect(changes).toEqual([['a', expect.closeTo(-hour, -1)]])
  })

  it.each([hour, -hour])('is not led by a clock wrong by %i ms when cut off with it alone', (by) => {
    const { survey, changes, net, time, isRight } = machines(ids, {})
    survey()
    net.partition([
      ['a', 'b'],
      ['c', 'd', 'e'],
    ])
    time.advance(10_000)
    net.cluster('a').clockAhead = by
    survey()
    expect(isRight('b')).toBe(true)
    net.heal()
    time.advance(5_000)
    survey()
    for (const id of ids) expect(isRight(id), id).toBe(true)
    expect(changes.every(([id]) => id === 'a')).toBe(true)
  })

  it('takes those that do not answer for agreeing', () => {
    const { survey, changes, net } = machines(ids, { b: -hour })
    for (const id of ['c', 'd', 'e']) net.freeze(id, 60_000)
    survey()
    expect(changes).toEqual([])
  })

  it('forgets what it learned when the machine is set right', () => {
    const { survey, net, isRight } = machines(ids, { a: hour })
    survey()
    net.cluster('a').clockAhead = 0
    expect(isRight('a')).toBe(true)
    survey()
    expect(isRight('a')).toBe(true)
  })
})

describe('a store on machines with wrong clocks', () => {
  const ids = ['a', 'b', 'c', 'd', 'e']
  type Value = Readonly<Record<string, number>>

  it.each([hour, -hour])('keeps every acknowledged write when one is wrong by %i ms', async (by) => {
    const rig = new StoreRig(ids)
    rig.net.cluster('a').clockAhead = by
    for (let round = 1; round <= 3; round++) {
      for (const id of ids) {
        await rig.run(rig.store(id).put('k', `${id} ${round}`))
        for (const other of ids)
          expect(await rig.run(rig.store(other).get('k', { fresh: true }))).toBe(`${id} ${round}`)
        await rig.run(rig.store<number>(id).update('n', (n) => (n ?? 0) + 1))
      }
    }
    expect(await rig.run(rig.store('b').get('n', { fresh: true }))).toBe(15)
  })

  it.each([
    ['last', undefined],
    ['map', map<number>()],
    ['own', (a: Value, b: Value): Value => ({ ...a, ...b })],
  ])('puts right what was stamped alone and ahead (%s)', async (_, merge) => {
    const rig = new StoreRig(ids, { suspectAfter: 500, deadAfter: 1_000 })
    const options = { writes: 1, ...(merge && { merge }) }
    const store = (id: string) => rig.store<Value>(id, 's', options)
    const told: unknown[] = []
    rig.net.cluster('a').clockAhead = hour
    rig.net.partition([['a'], ['b', 'c', 'd', 'e']])
    rig.time.advance(3_000)
    store('a').watch('k', (value) => told.push(value))
    await rig.run(store('a').put('k', { n: 1 }))
    rig.net.heal()
    rig.time.advance(10_000)
    for (const id of ids) expect(await rig.run(store(id).get('k', { fresh: true })), id).toEqual({ n: 1 })
    await rig.run(store('b').put('k', { n: 2 }))
    for (const id of ids) expect(await rig.run(store(id).get('k', { fresh: true })), id).toEqual({ n: 2 })
    rig.time.advance(1_000)
    expect(told.at(-1)).toEqual({ n: 2 })
    await rig.run(store('a').put('k', { n: 3 }))
    for (const id of ids) expect(await rig.run(store(id).get('k', { fresh: true })), id).toEqual({ n: 3 })
  })

  it('comes back in time from a put whose stamp is doubted again and again', async () => {
    // Half a second each way: every survey is too slow to be a measure, so the wrong clock stays wrong.
    const rig = new StoreRig(ids, { delay: 600 })
    rig.net.cluster('a').clockAhead = hour
    for (const timeout of [1_000, 1_500, 5_000]) {
      const start = rig.time.now
      const put = rig.store('a').put('k', timeout, { timeout })
      await expect(rig.run(put)).rejects.toMatchObject({ name: 'Timeout' })
      expect(rig.time.now - start).toBeLessThanOrEqual(timeout + 10)
    }
  })

  it.each(['k', { prefix: '' }])('tells a watch of %j on a machine that is behind', async (what) => {
    const rig = new StoreRig(ids)
    const [owner = ''] = rig.net.cluster('a').ring.owners('k', 3)
    const watcher = ids.find((id) => !rig.net.cluster('a').ring.owners('k', 3).includes(id)) as string
    rig.net.cluster(watcher).clockAhead = -hour
    const told: unknown[] = []
    rig.store(watcher).watch(what, (value) => told.push(value))
    rig.time.advance(100)
    await rig.run(rig.store(owner).put('k', 'news'))
    rig.time.advance(3_000)
    expect(told).toEqual(['news'])
  })
})
