import { expect, it } from 'vitest'
import { latenciesOf } from './testing/slow-peer.js'

for (const runs of ['alike', 'exponential'] as const) {
  it(`keeps the 99th percentile under 12 service times beside a slow peer, with ${runs} runs`, async () => {
    const tasks = 20_000
    const latencies = await latenciesOf('ringmesh', { tasks, load: 0.9, runs })
    expect(latencies[Math.floor(tasks * 0.99)]).toBeLessThanOrEqual(12)
  })
}
