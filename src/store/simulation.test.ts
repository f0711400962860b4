import { describe, expect, it } from 'vitest'
import { type Fault, StoreSimulation } from './store-simulation.js'

const seeds = Number(process.env.SEEDS ?? 40)
const first = Number(process.env.FIRST_SEED ?? 0)
const graceful: Fault[] = ['join', 'leave', 'suspect', 'partition', 'freeze', 'park', 'lag']

describe('state under faults', () => {
  it('loses no acknowledged write without crashes, and comes to agree', () => {
    let acknowledged = 0
    let slowest = 0
    for (let seed = first; seed < first + seeds; seed++) {
      const simulation = new StoreSimulation({ seed, faults: graceful, nodes: 4 + (seed % 5) })
      const result = simulation.run()
      expect(result.violations, `seed ${seed}`).toEqual([])
      expect(result.lost, `seed ${seed}`).toBe(0)
      acknowledged += result.acknowledged
      slowest = Math.max(slowest, result.converged)
    }
    console.log({ acknowledged, slowest })
    expect(acknowledged).toBeGreaterThan(seeds * 300)
  }, 600_000)
})
