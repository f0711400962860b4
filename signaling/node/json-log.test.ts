import fc from 'fast-check'
import { expect, it } from 'vitest'
import { jsonLog } from './json-log.js'

const logged = (details: Record<string, unknown>): string => {
  const lines: string[] = []
  jsonLog((line) => lines.push(line))('info', 'a peer joined', details)
  return lines.join('')
}

it('is one line of JSON whatever a stranger calls a room, and shows no terminal what it would obey', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 100 }), (room) => {
      const line = logged({ room })
      expect(line).toMatch(/^[^\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+\n$/u)
      expect(JSON.parse(line).room).toBe(room)
    }),
  )
  expect(logged({ room: 'a\nb\u001b[2J\u009b2J\u202e' })).toContain('a\\nb\\u001b[2J\\u009b2J\\u202e')
})

it('cuts what is too long, and writes errors out', () => {
  expect(JSON.parse(logged({ room: 'x'.repeat(10_000) })).room).toHaveLength(501)
  expect(JSON.parse(logged({ error: new TypeError('why') })).error).toMatchObject({
    name: 'TypeError',
    message: 'why',
  })
})
