import { expect, test } from 'vitest'
import { figuresOf, summary } from './sighting-text.js'
import type { Sighting } from './stopwatch.js'

const killed: Sighting = {
  number: 1,
  fault: 'kill',
  peer: 'p',
  phase: 'done',
  noticed: 533,
  detected: 775,
  settled: 1_304,
  tasks: { of: 73, lost: 0 },
  writes: { of: 62, lost: 1 },
  moved: 0.125,
  ideal: 0.1251,
}

test('every figure of a fault is told, and what was lost is told as bad', () => {
  expect(figuresOf(killed)).toEqual([
    { name: 'doubted after', value: '533 ms', isBad: false },
    { name: 'declared dead after', value: '775 ms', isBad: false },
    { name: 'ring settled after', value: '1.30 s', isBad: false },
    { name: 'tasks lost', value: '0 of 73', isBad: false },
    { name: 'acknowledged writes lost', value: '1 of 62', isBad: true },
    { name: 'keys moved / the least possible', value: '12.5 % / 12.5 %', isBad: false },
  ])
  expect(summary(killed)).toBe(
    'Declared dead after 775 ms. Lost: 0 of 73 tasks and 1 of 62 acknowledged writes. Keys moved: 12.5 %, the least possible is 12.5 %.',
  )
})

test('what was not measured yet has no value, and what was never doubted says so in the end', () => {
  const frozen: Sighting = { number: 2, fault: 'freeze', peer: 'p', phase: 'watching' }
  expect(figuresOf(frozen).map(({ value }) => value)).toEqual(Array.from({ length: 6 }))
  expect(figuresOf({ ...frozen, phase: 'done' })[0]).toMatchObject({ value: 'never' })
})

test('the crash of a worker moves no keys, and a peer that is healed was not doubted', () => {
  const names = (fault: Sighting['fault']): string[] =>
    figuresOf({ number: 3, fault, peer: 'p', phase: 'done' }).map(({ name }) => name)
  expect(names('crash-worker')).toEqual([
    'exit seen after',
    'running again after',
    'tasks lost',
    'acknowledged writes lost',
  ])
  expect(names('heal')[0]).toBe('alive again after')
})

test('a fault that could not be watched to its end says why', () => {
  expect(summary({ ...killed, failure: 'the verdict did not come within 150 s' })).toBe(
    'the verdict did not come within 150 s',
  )
})
