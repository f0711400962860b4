import { expect, test } from 'vitest'
import { allHandled, including, isIncluded } from './version-vector.js'

const version = (owner: string, epoch: number, handled: number) => ({ owner, epoch, handled })

test('a state is in what a later one of its epoch is in, and not in what one of another epoch is in', () => {
  const vector = including([], version('a', 1, 5), version('b', 2, 0))
  expect(isIncluded(vector, version('a', 1, 5))).toBe(true)
  expect(isIncluded(vector, version('a', 1, 6))).toBe(false)
  expect(isIncluded(vector, version('b', 1, 0))).toBe(false)
  // A page that was asked to take over in epoch 3, and never did, held something in epoch 1.
  expect(isIncluded(including([], version('a', 3, 0)), version('a', 1, 5))).toBe(false)
})

test('what an owner handed over itself stands for all that it held before', () => {
  const vector = including([version('a', 1, 5)], version('a', 3, allHandled))
  expect(vector).toEqual([version('a', 3, allHandled)])
  expect(isIncluded(vector, version('a', 2, 70))).toBe(true)
  expect(isIncluded(vector, version('a', 4, 0))).toBe(false)
})

test('a vector is bounded, and forgets the earliest epochs first', () => {
  const all = Array.from({ length: 40 }, (_, epoch) => version(`o${epoch}`, epoch, 1))
  const vector = including([], ...all)
  expect(vector).toHaveLength(16)
  expect(vector.map(({ epoch }) => epoch)).toEqual(Array.from({ length: 16 }, (_, back) => 39 - back))
})
