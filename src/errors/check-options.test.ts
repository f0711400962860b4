import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { checkOptions } from './check-options.js'

const schema = v.strictObject(
  {
    room: v.string('must be a string'),
    turn: v.optional(v.strictObject({ urls: v.array(v.string('must be a string')), secret: v.string() })),
  },
  'must be an object of options',
)

describe('an option that is wrong', () => {
  it.each<[unknown, string]>([
    [{ room: 5 }, 'join.room: must be a string, but got 5'],
    [{}, 'join.room: must be given, but got undefined'],
    [undefined, 'join: must be an object of options, but got undefined'],
    [{ room: 'r', romm: 1 }, 'join.romm: is not an option here, but got 1'],
    [{ room: 'r', turn: 7 }, 'join.turn: must be an object, but got 7'],
    [{ room: 'r', turn: { urls: [] } }, 'join.turn.secret: must be given, but got undefined'],
    [{ room: 'r', turn: { urls: ['a', 2] } }, 'join.turn.urls[1]: must be a string, but got 2'],
  ])('%j is named: %s', (given, message) => {
    expect(() => checkOptions(schema, given, 'join')).toThrow(
      expect.objectContaining({ name: 'InvalidOption', message }),
    )
  })

  it('is named without its value where that is a secret', () => {
    const given = { room: 'r', turn: { urls: [], secret: 12345 } }
    expect(() => checkOptions(schema, given, 'join', ['turn.secret'])).toThrow(
      expect.objectContaining({ option: 'join.turn.secret', value: '(hidden)' }),
    )
  })
})
