import { describe, expect, it } from 'vitest'
import { plantBug } from '../runtime/planted-bugs.js'
import { runScenario } from './testing/scenario.js'

/** Seeds a run; more by the environment, for nights. */
const seeds = Number(process.env.RINGMESH_SESSION_SEEDS ?? 100)

describe('a session over links that break', () => {
  it('delivers each message exactly once and in order, whatever breaks', () => {
    let sent = 0
    let resends = 0
    let replacements = 0
    for (let seed = 0; seed < seeds; seed++) {
      const result = runScenario(seed)
      expect(result.violations, `seed ${seed}`).toEqual([])
      sent += result.sent
      resends += result.resends
      replacements += result.replacements
    }
    // The faults must have reached the session, or nothing was shown.
    expect(sent).toBeGreaterThan(seeds * 200)
    expect(resends).toBeGreaterThan(seeds)
    expect(replacements).toBeGreaterThan(seeds * 5)
  })

  it('takes the same course for the same seed', () => {
    expect(runScenario(7)).toEqual(runScenario(7))
    expect(runScenario(7).digest).not.toBe(runScenario(8).digest)
  })

  it.each(['resend-without-dedupe', 'ack-before-delivery', 'upgrade-drops-relay'] as const)(
    'is found out by this test when it has the bug %s',
    (bug) => {
      const remove = plantBug(bug)
      try {
        let found = 0
        for (let seed = 0; seed < 20; seed++) if (runScenario(seed).violations.length > 0) found++
        expect(found).toBeGreaterThan(0)
      } finally {
        remove()
      }
    },
    60_000,
  )
})
