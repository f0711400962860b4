import { describe, expect, it } from 'vitest'
import { type PlantedBug, plantBug } from '../runtime/planted-bugs.js'
import { described, type Outcomes, sumOf } from './testing/outcomes.js'
import { gracefulFaults, type SimulationOptions, type Violation } from './testing/simulation-options.js'
import { StoreSimulation } from './testing/store-simulation.js'

/** More seeds than in every test run: `SEEDS=2000 FIRST_SEED=1000 npx vitest run src/store/simulation.test.ts`. */
const seeds = Number(process.env.SEEDS ?? 3)
const first = Number(process.env.FIRST_SEED ?? 0)
const longest = 600_000

const run = (seed: number, options: Partial<SimulationOptions> = {}) =>
  new StoreSimulation({ seed, faults: gracefulFaults, nodes: 4 + (seed % 5), ...options }).run()

/** Views that change often and are heard of late, with no copy to spare. */
const churn: Partial<SimulationOptions> = {
  faults: ['join', 'leave', 'partition', 'park', 'lag'],
  nodes: 6,
  replicas: 2,
  faultEvery: 500,
  longestLag: 8_000,
  duration: 15_000,
}
/** A crash every minute on eight peers, and as many newcomers. */
const crashes: Partial<SimulationOptions> = {
  faults: ['crash', 'join'],
  nodes: 8,
  faultEvery: 30_000,
}
/** Pages that reload while everything else happens. */
const reloads: Partial<SimulationOptions> = { faults: [...gracefulFaults, 'reload'], edges: 2 }
/** Deleted keys are forgotten within the run. */
const forgetful: Partial<SimulationOptions> = { tombstoneTime: 60_000, quiet: 150_000 }

describe('the state under faults', () => {
  it(
    'loses no acknowledged write without crashes, tells every watch, believes no wrong clock, and comes to agree',
    async () => {
      let acknowledged = 0
      let slowest = 0
      const outcomes: Outcomes[] = []
      for (let seed = first; seed < first + seeds; seed++) {
        const result = await run(seed)
        expect(result.violations, `seed ${seed}`).toEqual([])
        expect(result.lost, `seed ${seed}`).toBe(0)
        acknowledged += result.acknowledged
        slowest = Math.max(slowest, result.converged)
        outcomes.push(result.outcomes)
      }
      const all = sumOf(outcomes)
      if (process.env.SEEDS !== undefined) console.log(`${seeds} graceful runs: ${described(all)}`)
      expect(all).toMatchObject({ lost: 0, neverRead: 0, stable: all.acknowledged })
      expect(acknowledged).toBeGreaterThan(seeds * 250)
      expect(slowest).toBeLessThanOrEqual(30_000)
    },
    longest,
  )

  it.each([
    ['churn and late views', churn],
    ['short-lived tombstones', forgetful],
    ['reloads, with edge workers that crash', reloads],
  ])(
    'keeps its promises under %s',
    async (_, options) => {
      for (let seed = first; seed < first + Math.ceil(seeds / 4); seed++)
        expect((await run(seed, options)).violations, `seed ${seed}`).toEqual([])
    },
    longest,
  )

  it(
    'gives the same run for the same seed',
    async () => {
      const short = { duration: 5_000, quiet: 20_000 }
      expect(await run(7, short)).toEqual(await run(7, short))
    },
    longest,
  )

  it(
    'loses at most what the last copies of crashed peers held, and nothing that was durable',
    async () => {
      let acknowledged = 0
      let lost = 0
      let durable = 0
      for (let seed = first; seed < first + Math.ceil(seeds / 3); seed++) {
        const options = { ...crashes, edges: 2, faultEvery: 10_000, duration: 60_000, writeEvery: 60 }
        const result = await run(seed, options)
        expect(result.violations, `seed ${seed}`).toEqual([])
        acknowledged += result.acknowledged
        durable += result.durable
        lost += result.lost
      }
      expect(acknowledged).toBeGreaterThan(Math.ceil(seeds / 3) * 500)
      expect(durable).toBeGreaterThan(Math.ceil(seeds / 3) * 100)
      // Two of three copies may die within the six seconds before a crash is noticed; here crashes are far apart.
      expect(lost).toBe(0)
    },
    longest,
  )
})

describe('planted bugs are found', () => {
  const bugs: [PlantedBug, Partial<SimulationOptions>][] = [
    ['push-once', {}],
    ['drop-after-one-ack', {}],
    ['drop-unpinned', churn],
    ['unbounded-clock', {}],
    ['tombstone-dropped-early', forgetful],
    ['hint-counted-as-write', {}],
    ['watch-misses-move', {}],
  ]
  /** DESIGN and the plan ask for 200; all are found within a few. */
  const most = 200

  it.each(bugs)(
    '%s',
    async (bug, options) => {
      const takeOut = plantBug(bug)
      try {
        let found: Violation | undefined
        for (let seed = 0; seed < most && found === undefined; seed++)
          [found] = (await run(seed, options)).violations
        expect(found).toBeDefined()
      } finally {
        takeOut()
      }
    },
    longest,
  )
})
