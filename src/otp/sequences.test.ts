import { expect, test } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { Deadlines } from './deadlines.js'
import { Sequences } from './sequences.js'

function counted() {
  const time = new VirtualTime('sequences')
  const sequences = new Sequences(new Deadlines(time.runtime('sequences')))
  const seen: number[] = []
  const take = (...numbers: number[]) => {
    for (const number of numbers) sequences.take('a', number, () => seen.push(number))
  }
  return { time, sequences, seen, take }
}

test('what overtakes is held back until its turn, and a gap that stays is skipped', () => {
  const { time, seen, take } = counted()
  take(0, 2, 1, 5, 4)
  expect(seen).toEqual([0, 1, 2])
  time.advance(2_000)
  expect(seen).toEqual([0, 1, 2, 4, 5])
})

test('flush delivers what is held back in order, and the next owner still expects the gap', () => {
  const { time, sequences, seen, take } = counted()
  take(0, 3, 2)
  sequences.flush()
  expect(seen).toEqual([0, 2, 3])
  expect(sequences.expected()).toEqual([['a', 1]])
  time.advance(10_000)
  expect(seen).toEqual([0, 2, 3])
})
