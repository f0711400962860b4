import { afterEach, describe, expect, it } from 'vitest'
import { type PlantedBug, plantBug } from '../runtime/planted-bugs.js'
import { simulateTasks, type TaskSimulationPlan } from './testing/task-simulation.js'

/** Runs seeds until one shows a violation; gives that seed and what it showed. */
async function firstViolation(seeds: number, plan: TaskSimulationPlan = {}) {
  for (let seed = 0; seed < seeds; seed++) {
    const { violations } = await simulateTasks(seed, plan)
    if (violations.length > 0) return { seed, violations }
  }
  return undefined
}

/** Without crashes: how many tasks there were, and how many were run again though no run of theirs had failed. */
async function countReruns(seeds: number) {
  let tasks = 0
  let reruns = 0
  const violations: string[] = []
  for (let seed = 0; seed < seeds; seed++) {
    const report = await simulateTasks(`calm/${seed}`, {
      tasks: 300,
      faultCount: 1,
      faults: ['freeze', 'partition', 'leave', 'suspect', 'park', 'join'],
    })
    violations.push(...report.violations)
    tasks += report.tasks
    reruns += report.reruns
  }
  return { tasks, reruns, violations }
}

describe('simulated lives of a mesh', () => {
  it('lose no task, record none twice, use no stale result and leave nothing behind', async () => {
    expect(await firstViolation(150)).toBeUndefined()
  })

  it('bear many faults at a time', async () => {
    expect(await firstViolation(15, { peers: 6, faultCount: 8, during: 60_000 })).toBeUndefined()
  })

  it('run at most one task in a hundred again where no peer crashed', async () => {
    const { tasks, reruns, violations } = await countReruns(20)
    expect(violations).toEqual([])
    expect(reruns / tasks).toBeLessThanOrEqual(0.01)
  })
})

describe('planted bugs', () => {
  let remove = () => {}
  afterEach(() => remove())
  const plant = (bug: PlantedBug) => {
    remove = plantBug(bug)
  }

  it('a lease that the busy worker renews is found by the tasks that run again', async () => {
    plant('lease-renewed-by-busy-worker')
    const { tasks, reruns } = await countReruns(5)
    expect(reruns / tasks).toBeGreaterThan(0.01)
  })

  it('a stale fence that is accepted is found', async () => {
    plant('stale-fence-accepted')
    const found = await firstViolation(200)
    expect(found?.violations.join()).toMatch(/did not hold it|recorded twice/)
  })

  it('credit that leaks on abort is found', async () => {
    plant('credit-leaked-on-abort')
    const found = await firstViolation(200)
    expect(found?.violations.join()).toMatch(/has left/)
  })
})
