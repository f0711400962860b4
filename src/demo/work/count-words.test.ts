import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countWords, mergeCounts, pieces } from './count-words.js'

describe('countWords', () => {
  it('counts without regard to case, keeps apostrophes, and ranks', () => {
    expect(countWords("Don't stop. DON'T! Stop? Über über über")).toEqual([
      ['über', 3],
      ["don't", 2],
      ['stop', 2],
    ])
  })

  it('cuts also what has no spaces', () => {
    const cut = [...pieces('漢'.repeat(1_000), 50)]
    expect(cut.join('')).toBe('漢'.repeat(1_000))
    expect(Math.max(...cut.map(({ length }) => length))).toBe(200)
  })

  it('gives the same for the pieces of a text as for the whole', () => {
    const text = fc.array(fc.constantFrom('a', 'the', "it's", 'ringmesh', '—', '\n'), { maxLength: 200 })
    fc.assert(
      fc.property(text, fc.integer({ min: 5, max: 50 }), (words, size) => {
        const whole = words.join(' ')
        const cut = [...pieces(whole, size)]
        expect(cut.join('')).toBe(whole)
        expect(mergeCounts(cut.map(countWords))).toEqual(countWords(whole))
      }),
    )
  })
})
