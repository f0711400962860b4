import { expect, test } from 'vitest'
import { readOrder } from './orders.js'
import { readReport } from './reports.js'

test('a report is read as it was sent', () => {
  const report = { demo: 'report', view: 'abc', links: [['p', 'relay']], given: [['q', 3]], offers: ['kill'] }
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
    offers: ['kill', 'praise', 7],
  }
  expect(readReport(odd)).toEqual({
    demo: 'report',
    view: 'v',
    links: [['b', 'direct']],
    given: [
      ['c', 0],
      ['d', 0],
    ],
    offers: ['kill'],
  })
})

test('an order names a fault; whatever else a peer sends is none', () => {
  expect(readOrder({ demo: 'order', fault: 'freeze' })).toBe('freeze')
  for (const message of [null, 'kill', {}, { demo: 'order' }, { demo: 'order', fault: 'praise' }])
    expect(readOrder(message)).toBeUndefined()
})
