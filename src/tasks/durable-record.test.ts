import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type DurableRecord, mergeTaskRecords } from './durable-record.js'

const small = fc.nat({ max: 2 })
const bytes = fc.constantFrom(new Uint8Array([1]), new Uint8Array([2]))
const record: fc.Arbitrary<DurableRecord> = fc.record({
  state: fc.constantFrom('queued' as const, 'done' as const, 'dead' as const),
  input: bytes,
  priority: fc.constant('normal' as const),
  attempts: fc.constant(5),
  epoch: small,
  enqueuedAt: small,
  settledAt: small,
  runs: small,
  peer: fc.constantFrom('a', 'b'),
  output: fc.option(bytes),
  error: fc.constant(null),
})
const queue = fc.record({ epoch: small, dispatcher: fc.constantFrom('a', 'b', 'c') })

describe('two states of a durable task, written without sight of each other', () => {
  it.each([
    ['records', record],
    ['queues', queue],
  ] as const)('become one, whatever the order (%s)', (_, states: fc.Arbitrary<unknown>) => {
    fc.assert(
      fc.property(states, states, states, (a, b, c) => {
        expect(mergeTaskRecords(a, a)).toEqual(a)
        expect(mergeTaskRecords(a, b)).toEqual(mergeTaskRecords(b, a))
        expect(mergeTaskRecords(mergeTaskRecords(a, b), c)).toEqual(
          mergeTaskRecords(a, mergeTaskRecords(b, c)),
        )
      }),
    )
  })

  it('stay settled, by the later dispatcher', () => {
    fc.assert(
      fc.property(record, record, (a, b) => {
        const merged = mergeTaskRecords(a, b) as DurableRecord
        if (a.state !== 'queued' || b.state !== 'queued') expect(merged.state).not.toBe('queued')
        if (a.state !== 'queued' && b.state !== 'queued')
          expect(merged.epoch).toBe(Math.max(a.epoch, b.epoch))
      }),
    )
  })

  it('give way to what is a record at all', () => {
    fc.assert(
      fc.property(record, fc.constantFrom(undefined, null, 7, {}), (a, other) => {
        expect(mergeTaskRecords(a, other)).toBe(a)
        expect(mergeTaskRecords(other, a)).toBe(a)
      }),
    )
  })
})
