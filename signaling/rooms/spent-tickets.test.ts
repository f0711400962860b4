import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../../src/runtime/index.js'
import type { BusEvents } from './bus.js'
import { LoneBus } from './lone-bus.js'
import { MemoryHub } from './memory-bus.js'
import { mostSpent, SpentTickets } from './spent-tickets.js'

const hour = 3_600_000

/** A service of instances that remember spent tickets, as the Node server puts them together. */
function service() {
  const time = new VirtualTime(1)
  const runtime = time.runtime('service')
  const hub = new MemoryHub(runtime, 1)
  const instance = (name: string): SpentTickets => {
    const bus = hub.bus(name)
    const spent = new SpentTickets(runtime, bus)
    const silent = (): void => {}
    const events: BusEvents = {
      snapshot: silent,
      entered: silent,
      left: silent,
      frame: silent,
      instanceDown: silent,
      down: silent,
      up: () => spent.tellAgain(),
    }
    bus.start(events)
    return spent
  }
  const ticket = (key: string, holds = hour) => ({ key, expires: runtime.wallClock() + holds })
  const isSpent = (spent: SpentTickets, key: string): boolean => {
    let found: boolean | undefined
    spent.isSpent(ticket(key), (answer) => {
      found = answer
    })
    time.advance(10)
    return found as boolean
  }
  return { time, hub, instance, ticket, isSpent }
}

describe('spent tickets', () => {
  it('are spent at all instances', () => {
    const { time, instance, ticket, isSpent } = service()
    const [one, two] = [instance('one'), instance('two')]
    time.advance(10)
    one.spend(ticket('a'))
    expect([isSpent(one, 'a'), isSpent(two, 'a'), isSpent(two, 'b')]).toEqual([true, true, false])
  })

  it('are told again to a bus that is back and has forgotten them, those of the time without it too', () => {
    const { time, hub, instance, ticket, isSpent } = service()
    const [one, two] = [instance('one'), instance('two')]
    time.advance(10)
    one.spend(ticket('before'))
    one.spend(ticket('expires', 5_000))
    hub.setUp(false)
    time.advance(10)
    one.spend(ticket('meanwhile'))
    time.advance(10_000)
    hub.setUp(true)
    time.advance(100)
    expect(hub.remembered.has('expires')).toBe(false)
    expect([isSpent(two, 'before'), isSpent(two, 'meanwhile')]).toEqual([true, true])
    // No longer than they hold.
    time.advance(hour)
    expect([isSpent(two, 'before'), isSpent(one, 'other')]).toEqual([true, false])
    expect(hub.remembered.get('before')).toBeLessThan(hour + 100)
  })

  it('are kept by every instance that saw them spent, also when the one that spent them is gone', () => {
    const { time, hub, instance, ticket, isSpent } = service()
    const [one, two, three] = [instance('one'), instance('two'), instance('three')]
    time.advance(10)
    one.spend(ticket('a'))
    expect(isSpent(two, 'a')).toBe(true)
    hub.kill('one')
    hub.setUp(false)
    time.advance(10)
    hub.setUp(true)
    time.advance(100)
    expect(isSpent(three, 'a')).toBe(true)
  })

  it('that are very many are told again in slices', () => {
    const { time, hub, instance, ticket, isSpent } = service()
    const [one, two] = [instance('one'), instance('two')]
    time.advance(10)
    for (let n = 0; n < 5_000; n++) one.spend(ticket(`t${n}`))
    hub.setUp(false)
    hub.setUp(true)
    time.advance(2)
    expect(hub.remembered.size).toBe(1_000)
    time.advance(1_000)
    expect(hub.remembered.size).toBe(5_000)
    expect(isSpent(two, 't4999')).toBe(true)
  })

  it('are remembered here in a bounded number, the latest', () => {
    const time = new VirtualTime(1)
    const runtime = time.runtime('one')
    const spent = new SpentTickets(runtime, new LoneBus('one'))
    const isSpent = (key: string): boolean => {
      let found = false
      spent.isSpent({ key, expires: hour }, (answer) => {
        found = answer
      })
      return found
    }
    for (let n = 0; n < mostSpent; n++) spent.spend({ key: `t${n}`, expires: runtime.wallClock() + hour })
    expect([isSpent('t0'), isSpent('t1')]).toEqual([true, true])
    spent.spend({ key: 'last', expires: runtime.wallClock() + hour })
    expect([isSpent('t0'), isSpent('t1'), isSpent('last')]).toEqual([false, true, true])
  })

  it('that never expire are remembered for a time that a bus can count', () => {
    const { time, hub, instance } = service()
    const one = instance('one')
    time.advance(10)
    one.spend({ key: 'for ever', expires: Number.POSITIVE_INFINITY })
    expect(Number.isFinite(hub.remembered.get('for ever'))).toBe(true)
  })
})
