import { describe, expect, it } from 'vitest'
import type { MemberState } from './cluster.js'
import { turn } from './member-state.js'

const working: MemberState[] = ['alive', 'suspect', 'parked', 'leaving']
const gone: MemberState[] = ['dead', 'left']
const before: (MemberState | undefined)[] = [undefined, 'joining', ...working, ...gone]

describe('a change of state', () => {
  it('is up for whoever begins to take part, also after a death', () => {
    for (const from of before) {
      const wasWorking = from !== undefined && working.includes(from)
      for (const to of working) expect(turn(from, to), `${from} to ${to}`).toBe(wasWorking ? undefined : 'up')
    }
  })

  it('is down for whoever is gone, once', () => {
    for (const from of before) {
      const wasGone = from !== undefined && gone.includes(from)
      for (const to of gone) expect(turn(from, to), `${from} to ${to}`).toBe(wasGone ? undefined : 'down')
    }
  })

  it('is neither for whoever is joining', () => {
    for (const from of before) expect(turn(from, 'joining')).toBeUndefined()
  })
})
