import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { InvalidOption } from '../errors/index.js'
import { planFaults } from './fault-plan.js'
import { type Fault, type FaultKind, faultKinds, formatFault, parseFaults } from './faults.js'

const kinds = Object.keys(faultKinds) as FaultKind[]

describe('fault lists', () => {
  it('read back what they write', () => {
    const fault: fc.Arbitrary<Fault> = fc.record({
      kind: fc.constantFrom(...kinds),
      at: fc.nat(999_999_999),
      duration: fc.nat(999_999_999),
      nodes: fc.array(fc.nat(9_999), { maxLength: 5 }),
      amount: fc.oneof(
        fc.integer({ min: -999_999_999, max: 999_999_999 }),
        fc.constantFrom(0.25, 0.046, 0.5),
      ),
    })
    fc.assert(
      fc.property(fc.array(fault, { minLength: 1, maxLength: 8 }), (faults) => {
        expect(parseFaults(faults.map(formatFault).join(','))).toEqual({ kinds: [], exact: faults })
      }),
    )
  })

  it('take names, all and none', () => {
    expect(parseFaults('loss,crash,loss')).toEqual({ kinds: ['loss', 'crash'], exact: [] })
    expect(parseFaults('all').kinds).toEqual(kinds)
    expect(parseFaults('none')).toEqual({ kinds: [], exact: [] })
  })

  it.each([
    'earthquake',
    'Loss',
    '',
    'constructor',
    'loss@',
    'loss@-1',
    'loss@1+',
    'earthquake@5',
    'crash@1:a',
  ])('refuse %j by a typed error that names it', (word) => {
    expect(() => parseFaults(word)).toThrow(InvalidOption)
    expect(() => parseFaults(word)).toThrow(/sim\.faults: must be/)
  })
})

describe('planFaults', () => {
  it('plans every kind at least once, within the run and among its nodes', () => {
    for (let seed = 0; seed < 50; seed++) {
      const faults = planFaults(seed, kinds, 7, 120_000)
      expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(kinds))
      for (const { at, nodes } of faults) {
        expect(at).toBeGreaterThanOrEqual(0)
        expect(at).toBeLessThan(120_000)
        for (const node of nodes) expect(node).toBeLessThan(7)
        expect(new Set(nodes).size).toBe(nodes.length)
      }
    }
  })

  it('moves no fault of a kind when another kind is asked for as well', () => {
    for (const kind of kinds) {
      const alone = planFaults(1, [kind], 9, 300_000)
      const among = planFaults(1, kinds, 9, 300_000).filter((fault) => fault.kind === kind)
      expect(among).toEqual(alone)
    }
  })
})
