import { describe, expect, it } from 'vitest'
import type { PlantedBug } from '../runtime/index.js'
import { plantBug } from '../runtime/planted-bugs.js'
import { type FaultKind, faultKinds } from './faults.js'
import { runScenario, scenarioOf } from './run-sim.js'

/** More seeds for each group of faults than in every test run: `SEEDS=50 FIRST_SEED=100 npx vitest run src/sim/processes.sim.test.ts`. */
const seeds = Number(process.env.SEEDS ?? 1)
const first = Number(process.env.FIRST_SEED ?? 1)
const of = { world: 'mesh', nodes: 5, minutes: 1 } as const
const longest = 600_000
/** Seeds with all faults at once for each of one group of them. */
const allSeeds = 2

/** Every kind of fault there is, a few at a time, so that they meet each other and none takes over. */
const groups: readonly (readonly FaultKind[])[] = [
  ['loss', 'duplicate', 'reorder', 'tail', 'stall', 'reload'],
  ['one-way', 'link-failure', 'server-down', 'close', 'second-timers'],
  ['split', 'server-restart', 'freeze', 'leave', 'clock-jump'],
  ['hide', 'hide-and-freeze', 'crash', 'discard', 'mass-join'],
  ['server-lies', 'silent-crash', 'close-without-left', 'minute-timers', 'mass-leave', 'hostile'],
]

/** What one of the first seeds breaks with a bug in place. */
async function found(bug: PlantedBug, faults: string): Promise<string | undefined> {
  const heal = plantBug(bug)
  try {
    for (let seed = 1; seed <= 20; seed++) {
      const { failure } = await runScenario(scenarioOf({ ...of, seed }, faults))
      if (failure !== undefined) return failure.invariant
    }
    return undefined
  } finally {
    heal()
  }
}

describe('processes in the simulator', () => {
  it('are put under every fault there is', () => {
    expect(groups.flat().sort()).toEqual(Object.keys(faultKinds).sort())
  })

  it.each(groups.map((group) => [group.join(', '), group]))(
    'run once for each key, keep what they answered, and agree on names, under %s',
    async (_, group) => {
      for (let seed = first; seed < first + seeds; seed++) {
        const { failure, checked } = await runScenario(
          scenarioOf({ ...of, seed }, (group as string[]).join()),
        )
        expect(failure, `seed ${seed}`).toBeUndefined()
        for (const invariant of ['one-per-epoch', 'answers-go-forward', 'placed-once', 'restart-intensity'])
          expect(checked[invariant], invariant).toBeGreaterThan(0)
      }
    },
    longest,
  )

  it(
    'keep all of it under all faults at once',
    async () => {
      for (let seed = first; seed < first + allSeeds * seeds; seed++) {
        const scenario = scenarioOf({ ...of, nodes: 6, seed }, 'all')
        const { failure } = await runScenario(scenario)
        expect(failure, `seed ${seed}`).toBeUndefined()
      }
    },
    longest,
  )

  it(
    'are as many as there are names after 20 bounces of a peer',
    async () => {
      // Each bounce strikes the page that the one before opened.
      const bounces = Array.from({ length: 20 }, (_, bounce) => `reload@${bounce * 5_000}:${3 + bounce}`)
      const scenario = scenarioOf({ world: 'mesh', nodes: 4, minutes: 2, seed: 1 }, bounces.join())
      expect((await runScenario(scenario)).failure).toBeUndefined()
    },
    longest,
  )

  it(
    'keep what one side of a partition wrote down though its owner crashes right after',
    async () => {
      for (const seed of [2, 3]) {
        const scenario = scenarioOf(
          { ...of, nodes: 6, minutes: 1.5, seed },
          'split@5000+60000:0.1.2,crash@66000:0',
        )
        expect((await runScenario(scenario)).failure, `seed ${seed}`).toBeUndefined()
      }
    },
    longest,
  )

  it.each([
    ['no-epoch-check', 'split', 'answers-go-forward'],
    ['former-goes-on', 'none', 'former-stops'],
    ['stop-before-ack', 'mass-join,leave', 'entries-kept'],
    ['restart-counted-per-child', 'none', 'restart-intensity'],
    ['name-freed-late', 'none', 'free-after-stop'],
  ] as const)(
    'show the planted bug %s under %s',
    async (bug, faults, invariant) => {
      expect(await found(bug, faults)).toBe(invariant)
    },
    longest,
  )
})
