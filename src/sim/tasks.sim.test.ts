import { describe, expect, it } from 'vitest'
import { scenarioOf } from './run-sim.js'
import { runTaskScenario } from './task-load.js'

/** Tasks to simulate; a hundred thousand by `RINGMESH_TASKS=100000`. */
const wanted = Number(process.env.RINGMESH_TASKS ?? 2_500)

describe('tasks in the simulated mesh', () => {
  it(`are neither lost nor recorded twice in ${wanted} under all faults, and hardly run again where nobody crashed`, {
    timeout: 3_600_000,
  }, async () => {
    let done = 0
    let submitted = 0
    let reruns = 0
    for (let seed = 1; submitted < wanted; seed++) {
      const scenario = scenarioOf({ world: 'mesh', seed, nodes: 6, minutes: 1 }, 'all')
      const report = await runTaskScenario(scenario)
      expect(report.result.failure, `seed ${seed}`).toBeUndefined()
      expect(report.violations, `seed ${seed}`).toEqual([])
      submitted += report.submitted
      done += report.done
      reruns += report.reruns
    }
    expect(done).toBeGreaterThan(submitted / 2)
    expect(reruns / submitted).toBeLessThanOrEqual(0.01)
  })
})
