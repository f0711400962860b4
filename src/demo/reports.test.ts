import { expect, test } from 'vitest'
import { readReport } from './reports.js'

test('a report is read as it was sent', () => {
  const report = { demo: 'report', view: 'abc', links: [['p', 'relay']], given: [['q', 3]] }
  expect(readReport(report)).toEqual(report)
})

test('whatever else a peer sends is no report, or one with the wrong parts left out', () => {
  for (const message of [null, undefined, 7, 'report', [], {}, { demo: 'report', view: 1 }])
    expect(readReport(message)).toBeUndefined()
  const odd = {
    demo: 'report',
    view: 'v',
    links: [7, ['a'], ['b', 'cable']],
    given: [['c', 'x'], ['d', -2], null],
  }
  expect(readReport(odd)).toEqual({
    demo: 'report',
    view: 'v',
    links: [['b', 'direct']],
    given: [
      ['c', 0],
      ['d', 0],
    ],
  })
})
