import { describe, expect, it } from 'vitest'
import { type PlantedBug, plantBug } from '../runtime/planted-bugs.js'
import { runScenario, scenarioOf } from './run-sim.js'

/** The slice of seeds that every `npm test` runs; `ringmesh sim --seeds` runs as many as one likes. */
const seeds = 200
/** Each with a member that lies; nearly every one is enough to find incarnations that can be used up. */
const hostileSeeds = 50
const of = { world: 'membership', nodes: 10, minutes: 3 } as const

/** The first seed that fails, of as many as a planted bug may take. */
async function firstFailure(faults: string) {
  for (let seed = 1; seed <= seeds; seed++) {
    const { failure } = await runScenario(scenarioOf({ ...of, seed }, faults))
    if (failure !== undefined) return { seed, invariant: failure.invariant }
  }
  return undefined
}

describe('membership and ring in the simulator', () => {
  it(`hold all invariants over ${seeds} seeds with five kinds of faults each, and converge`, {
    timeout: 600_000,
  }, async () => {
    expect(await firstFailure('some')).toBeUndefined()
  })

  it(`let no lies of a member bury another for good, over ${hostileSeeds} seeds`, {
    timeout: 600_000,
  }, async () => {
    for (let seed = 1; seed <= hostileSeeds; seed++) {
      const scenario = scenarioOf({ world: 'membership', seed, nodes: 8, minutes: 3 }, 'hostile,freeze,crash')
      expect((await runScenario(scenario)).failure, `seed ${seed}`).toBeUndefined()
    }
  })

  it.each([
    ['late-timer-verdict', 'waking-proves-nothing'],
    ['no-wake-sync', 'waking-proves-nothing'],
    ['hint-as-verdict', 'no-false-death'],
    ['no-incarnation-check', 'incarnation-never-falls'],
    ['cursor-by-index', 'fair-turns'],
    ['ring-insertion-order', 'equal-rings'],
  ] as [PlantedBug, string][])(
    'find the planted bug %s by %s',
    { timeout: 600_000 },
    async (bug, invariant) => {
      const heal = plantBug(bug)
      try {
        expect(await firstFailure('some')).toMatchObject({ invariant })
      } finally {
        heal()
      }
    },
  )
})
