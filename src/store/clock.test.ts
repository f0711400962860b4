import { describe, expect, it } from 'vitest'
import { type Runtime, VirtualTime } from '../runtime/index.js'
import { HybridClock, shifted, timeOf } from './clock.js'
import { map } from './merges/index.js'
import { StoreRig } from './store-rig.js'

const hour = 3_600_000

const at = (time: number) => `${time.toString(16).padStart(12, '0')}0000-b`

/** A machine whose clock can be set, and whose timers can be stopped as by a machine's sleep. */
function machine() {
  const time = new VirtualTime(1)
  const runtime: Runtime = time.runtime('a')
  const wrong = { by: 0 }
  const clock = new HybridClock({ ...runtime, wallClock: () => runtime.wallClock() + wrong.by }, 'a')
  const isRight = () => Math.abs(timeOf(clock.next()) - runtime.wallClock()) <= 10_000
  return { time, wrong, clock, isRight, right: () => runtime.wallClock() }
}

describe('HybridClock', () => {
  it('gives later and later versions, also of one millisecond', () => {
    const { clock } = machine()
    const versions = Array.from({ length: 70_000 }, () => clock.next())
    expect(versions.every((version, at) => at === 0 || version > (versions[at - 1] as string))).toBe(true)
    clock.observe(shifted(versions[0] as string, 5_000))
    expect(timeOf(clock.next()) - timeOf(versions[0] as string)).toBeGreaterThanOrEqual(5_000)
  })

  it.each([hour, -hour])('goes by the others where this machine is wrong by %i ms', (by) => {
    const { clock, wrong, isRight, right } = machine()
    wrong.by = by
    clock.next()
    clock.note('b', right(), 10)
    clock.note('c', right(), 10)
    // What a slow answer says is no measure.
    clock.note('d', right() - 5 * hour, 10_000)
    expect(isRight()).toBe(true)
    expect(clock.isAhead(at(right() + 9_000))).toBe(false)
    expect(clock.isAhead(at(right() + 11_000))).toBe(true)
  })

  it.each([hour, -hour])('is not led by one machine that is wrong by %i ms', (by) => {
    const { clock, isRight, right } = machine()
    clock.note('b', right(), 10)
    expect(clock.note('c', right() + by, 10)).toBe(0)
    expect(isRight()).toBe(true)
  })

  it('of two different clocks goes by the earlier, on both sides', () => {
    const early = machine()
    expect(early.clock.note('b', early.right() + hour, 0)).toBe(0)
    const late = machine()
    late.wrong.by = hour
    expect(late.clock.note('b', late.right(), 0)).toBe(-hour)
    expect(late.isRight()).toBe(true)
  })

  it('forgets what it learned when the machine is set right, or slept', () => {
    const { clock, wrong, isRight, right } = machine()
    wrong.by = hour
    clock.note('b', right(), 0)
    clock.note('c', right(), 0)
    expect(isRight()).toBe(true)
    wrong.by = 0
    expect(clock.isAhead(at(right() + 9_000))).toBe(false)
    expect(clock.isAhead(at(right() + 11_000))).toBe(true)
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
})
