import { describe, expect, it } from 'vitest'
import { InvalidOption } from '../errors/index.js'
import { plantBug } from '../runtime/planted-bugs.js'
import { runStoreSim, type StoreSimOptions } from './run-store-sim.js'
import { readStoreRun, type StoreRun } from './store-runs.js'

async function report(options: StoreSimOptions) {
  const lines: string[] = []
  const runs: StoreRun[] = []
  const output = { line: (text: string) => lines.push(text), ended: (run: StoreRun) => runs.push(run) }
  return { lines, runs, ...(await runStoreSim(options, output)) }
}

describe('runStoreSim', () => {
  it('runs seeds of a plan until enough writes were acknowledged, says what became of them, and goes on from there', async () => {
    const { sums, runs, lines, failed } = await report({ writes: 2_500, faults: 'graceful' })
    expect(failed).toEqual([])
    expect(runs.map(({ seed }) => seed)).toEqual([1, 2])
    const [sum] = sums
    expect(sum).toMatchObject({ plan: 'graceful', runs: 2, lost: 0, outcomes: { lost: 0, neverRead: 0 } })
    expect(sum?.acknowledged).toBeGreaterThanOrEqual(2_500)
    expect(sum?.outcomes.stable).toBe(sum?.outcomes.acknowledged)
    expect(sum?.sessionReads).toBeGreaterThan(100)
    expect(lines.find((line) => line.includes('set test:'))).toMatch(
      /stable \d+, lost 0, never read 0, stale \d+/,
    )

    const earlier = [readStoreRun(JSON.stringify(runs[0])) as StoreRun]
    const rest = await report({ writes: 2_500, faults: 'graceful', earlier })
    expect(rest.runs).toEqual([runs[1]])
    expect(rest.sums).toEqual(sums)
  })

  it('tells which promise was broken, and how to see it again', async () => {
    const takeOut = plantBug('hint-counted-as-write')
    try {
      const { lines, failed } = await report({ faults: 'graceful', seed: 1 })
      expect(failed).toEqual(['graceful'])
      expect(lines.find((line) => line.includes("the promise 'copies' was broken"))).toBeDefined()
      const replay = lines.find((line) => line.includes('replay:'))
      const [, seed] = /ringmesh sim --world store --faults graceful --seed (\d+)$/.exec(replay ?? '') ?? []
      const again = await report({ faults: 'graceful', seed: Number(seed) })
      expect(again.failed).toEqual(['graceful'])
    } finally {
      takeOut()
    }
  })

  it.each([
    [{ faults: 'earthquake' }, 'sim.faults'],
    [{ seed: -1 }, 'sim.seed'],
    [{ seeds: 0 }, 'sim.seeds'],
    [{ writes: 0.5 }, 'sim.writes'],
    [{ nodes: 3 }, 'sim.nodes'],
  ] as [StoreSimOptions, string][])(
    'refuses %j, naming %s, before anything runs',
    async (options, option) => {
      const refused = await report(options).catch((error) => error)
      expect(refused).toBeInstanceOf(InvalidOption)
      expect(refused.message).toContain(option)
    },
  )

  it('reads no run from a line that is none', () => {
    for (const line of ['', '{', '{"plan":"graceful"}', 'null']) expect(readStoreRun(line)).toBeUndefined()
  })
})
