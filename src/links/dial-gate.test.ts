import { expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { DialGate } from './dial-gate.js'

/** A gate, and when each dial that it let through began. */
function gateAt(time: VirtualTime) {
  const begun: (readonly [id: string, at: number])[] = []
  const gate = new DialGate(time.runtime())
  const enter = (id: string, isHeard = true) => gate.enter(id, isHeard, () => begun.push([id, time.now]))
  return { gate, begun, enter }
}

it('begins four dials at once, and the next when one of them is over', () => {
  const time = new VirtualTime()
  const { gate, begun, enter } = gateAt(time)
  for (const id of ['a', 'b', 'c', 'd', 'e']) enter(id)
  time.advance(10_000)
  expect(begun.map(([id]) => id)).toEqual(['a', 'b', 'c', 'd'])
  expect(begun.every(([, at]) => at === begun[0]?.[1])).toBe(true)
  gate.leave('b')
  time.advance(10)
  expect(begun.at(-1)?.[0]).toBe('e')
})

it('begins no more than fifteen within any three seconds, in the order of asking', () => {
  const time = new VirtualTime()
  const { gate, begun, enter } = gateAt(time)
  const ids = Array.from({ length: 68 }, (_, number) => `peer ${number}`)
  for (const id of ids) enter(id)
  // Each dial takes 50 ms.
  for (let passed = 0; passed < 20_000; passed += 50) {
    time.advance(50)
    for (const [id] of begun) gate.leave(id)
  }
  expect(begun.map(([id]) => id)).toEqual(ids)
  for (let number = 15; number < begun.length; number++)
    expect((begun[number]?.[1] ?? 0) - (begun[number - 15]?.[1] ?? 0)).toBeGreaterThanOrEqual(3_000)
  // Five a second all the same: 68 need the beginning of the fifth span of three.
  expect(begun.at(-1)?.[1]).toBeLessThan(15_000)
})

it('asks once for a peer that waits or is dialled, and drops one that is no longer wanted', () => {
  const time = new VirtualTime()
  const { gate, begun, enter } = gateAt(time)
  for (const id of ['a', 'b', 'c', 'd', 'e', 'f', 'a', 'e']) enter(id)
  gate.leave('e')
  time.advance(10)
  gate.leave('a')
  time.advance(10_000)
  expect(begun.map(([id]) => id)).toEqual(['a', 'b', 'c', 'd', 'f'])
})

it('begins those first of whom something was heard, however many wait that may not be there', () => {
  const time = new VirtualTime()
  const { gate, begun, enter } = gateAt(time)
  for (let number = 0; number < 1_000; number++) enter(`ghost ${number}`, false)
  time.advance(10)
  enter('real')
  enter('late', false)
  gate.heard('late')
  gate.leave('ghost 0')
  gate.leave('ghost 1')
  time.advance(10)
  expect(begun.slice(-2).map(([id]) => id)).toEqual(['real', 'late'])
  expect(gate.waiting).toBe(996)
})

it('has a hundred dials of others answered within any three seconds', () => {
  const time = new VirtualTime()
  const { gate } = gateAt(time)
  const answered = (): number => {
    let count = 0
    for (let offer = 0; offer < 1_000; offer++) if (gate.answer()) count++
    return count
  }
  expect(answered()).toBe(100)
  time.advance(2_999)
  expect(answered()).toBe(0)
  time.advance(1)
  expect(answered()).toBe(100)
})
