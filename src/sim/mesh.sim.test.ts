import { describe, expect, it } from 'vitest'
import { plantBug } from '../runtime/planted-bugs.js'
import { collectGarbage } from '../runtime/testing/collect-garbage.js'
import { breathe } from './breathe.js'
import { runScenario, scenarioOf } from './run-sim.js'

/** A slice for every `npm test`; `ringmesh sim --world mesh --seeds` runs as many as one likes. */
const seeds = 3
/** Seeds within which a planted bug is to be found. */
const bugSeeds = 20
const of = { world: 'mesh', nodes: 5, minutes: 1 } as const

describe('the whole mesh in the simulator', () => {
  it(`holds all invariants over ${seeds} seeds with five kinds of faults each, and converges`, {
    timeout: 600_000,
  }, async () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const result = await runScenario(scenarioOf({ ...of, seed }, 'some'))
      expect(result.failure).toBeUndefined()
      expect(result.convergedAfter).toBeDefined()
      for (const count of Object.values(result.checked)) expect(count).toBeGreaterThan(0)
    }
  })

  it('holds all invariants in rooms of two and three under all faults, where no third makes two acquainted', async () => {
    // Each of these once left two pages strangers to each other, or lost a message between them.
    const known = [
      [2, 11],
      [2, 29],
      [2, 37],
      [2, 59],
      [3, 59],
    ] as const
    for (const [nodes, seed] of known) {
      const result = await runScenario(scenarioOf({ world: 'mesh', nodes, minutes: 1, seed }, 'all'))
      expect(result.failure, `${nodes} nodes, seed ${seed}`).toBeUndefined()
    }
  })

  it('has not converged before a hidden page that crashed is buried, which has its minute', async () => {
    const scenario = scenarioOf(
      { world: 'mesh', seed: 1, nodes: 3, minutes: 0.3 },
      'hide@1000:1,crash@15000:1',
    )
    const { failure, convergedAfter } = await runScenario(scenario)
    expect(failure).toBeUndefined()
    expect(convergedAfter).toBeGreaterThan(50_000)
  })

  it('takes the same steps twice', async () => {
    const scenario = scenarioOf({ ...of, seed: 11, nodes: 3 }, 'link-failure,freeze,loss')
    expect(await runScenario(scenario)).toEqual(await runScenario(scenario))
  })

  it('keeps nothing of a run that is over', async () => {
    const run = async (seed: number): Promise<void> => {
      await runScenario(scenarioOf({ world: 'mesh', nodes: 4, minutes: 0.5, seed }, 'mass-join,reload'))
    }
    /** Buffers after a collection, in a task of its own: what they stood in is given back beside it, a little later. */
    const kept = async (): Promise<number> => {
      await breathe()
      collectGarbage()
      await breathe()
      return process.memoryUsage().arrayBuffers
    }
    await run(1)
    const before = await kept()
    await run(2)
    // A run makes a table of 256 KiB for each of more than 8 rings.
    await expect.poll(async () => (await kept()) - before).toBeLessThan(1_000_000)
  })

  it('ends its task now and then, so that tables of rings that nobody has any more can be freed', async () => {
    let tasks = 0
    let isOver = false
    const count = (): void => {
      tasks++
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    await runScenario(scenarioOf({ world: 'mesh', nodes: 3, minutes: 1, seed: 1 }, 'loss'))
    isOver = true
    // Every ten simulated seconds, and at start and end.
    expect(tasks).toBeGreaterThan(4)
  })

  it('lets no lying server shut a newcomer out', async () => {
    for (const seed of [1, 2]) {
      const lies = 'server-lies@0+25000=200,mass-join@2000'
      const result = await runScenario(scenarioOf({ world: 'mesh', nodes: 4, minutes: 0.5, seed }, lies))
      expect(result.failure).toBeUndefined()
    }
  })

  it('lets no lies of a member bury another for good', async () => {
    for (const seed of [40_002, 40_003]) {
      const scenario = scenarioOf({ world: 'mesh', nodes: 6, minutes: 1, seed }, 'hostile,crash,freeze')
      const { failure, convergedAfter } = await runScenario(scenario)
      expect(failure).toBeUndefined()
      expect(convergedAfter).toBeDefined()
    }
  })

  it.each([
    ['resend-without-dedupe', 'link-failure,split,duplicate,server-restart', ['once-and-in-order']],
    // The relay is closed over pieces that do not fit, before anything is seen to be lost.
    ['ack-before-delivery', 'link-failure', ['once-and-in-order', 'never-without-link']],
    ['upgrade-drops-relay', 'link-failure', ['never-without-link']],
  ] as const)('finds links with the bug %s', { timeout: 600_000 }, async (bug, faults, invariants) => {
    const heal = plantBug(bug)
    try {
      let found: string | undefined
      for (let seed = 1; seed <= bugSeeds && found === undefined; seed++)
        found = (await runScenario(scenarioOf({ ...of, seed }, faults))).failure?.invariant
      expect(invariants).toContain(found)
    } finally {
      heal()
    }
  })
})
