import { describe, expect, it } from 'vitest'
import { InvalidOption } from '../errors/index.js'
import { plantBug } from '../runtime/planted-bugs.js'
import { faultKinds } from './faults.js'
import { runScenario, runSim, type SimOptions, scenarioOf } from './run-sim.js'

async function report(options: SimOptions): Promise<{ lines: string[]; failed: readonly number[] }> {
  const lines: string[] = []
  const { failed } = await runSim(options, { line: (text) => lines.push(text) })
  return { lines, failed }
}

describe('runSim', () => {
  it('prints seed, trace hash and what was checked, the same every time', async () => {
    const options = { seed: 7, nodes: 6, minutes: 1, faults: 'loss,freeze,crash' }
    const first = await report(options)
    expect(first.failed).toEqual([])
    expect(first.lines).toHaveLength(1)
    expect(first.lines[0]).toMatch(
      /^seed 7 {2}trace [0-9a-f]{16} {2}\d+ events {2}\d+ invariants checked \d+ times {2}converged after \d+\.\d s$/,
    )
    expect((await report(options)).lines).toEqual(first.lines)
    expect((await report({ ...options, seed: 8 })).lines[0]).not.toContain(first.lines[0]?.slice(6, 30))
  })

  it('shows progress when asked to, and is quiet otherwise', async () => {
    const shown: string[] = []
    await runSim(
      { nodes: 3, minutes: 1, faults: 'none' },
      { line: () => {}, progress: (text) => shown.push(text) },
    )
    expect(shown.length).toBeGreaterThan(10)
    expect(shown.at(-1)).toMatch(/^run 1\/1, seed 1: \d+ %$/)
  })

  it('replays a failing run from what it printed, and shrinks it to the faults that matter', async () => {
    const heal = plantBug('hint-as-verdict')
    try {
      const { lines, failed } = await report({
        seed: 3,
        nodes: 8,
        minutes: 2,
        faults: 'server-lies,duplicate,clock-jump,second-timers,reorder',
        shrink: true,
      })
      expect(failed).toEqual([3])
      const replay = lines.find((line) => line.includes('replay:'))
      const [, nodes, minutes, faults] =
        /--nodes (\d+) --minutes (\S+) --faults (\S+)/.exec(replay ?? '') ?? []
      const again = await report({ seed: 3, nodes: Number(nodes), minutes: Number(minutes), faults })
      expect(again.lines[0]).toBe(lines[0])

      const smallest = lines.findIndex((line) =>
        line.includes('smallest list of faults that still fails (1 of'),
      )
      expect(smallest).toBeGreaterThan(0)
      const [, only] = /--faults (\S+)/.exec(lines[smallest + 1] ?? '') ?? []
      expect(only).toMatch(/^server-lies@\d+\+\d+=\d+$/)
      const shrunk = await report({ seed: 3, nodes: 8, minutes: 2, faults: only })
      expect(shrunk.failed).toEqual([3])
      expect(shrunk.lines[0]).toContain('FAILED: no-false-death')
    } finally {
      heal()
    }
  })

  it.each([
    [{ faults: 'earthquake' }, 'sim.faults'],
    [{ seed: 1.5 }, 'sim.seed'],
    [{ seed: -1 }, 'sim.seed'],
    [{ seed: Number.NaN }, 'sim.seed'],
    [{ seeds: 0 }, 'sim.seeds'],
    [{ nodes: 0 }, 'sim.nodes'],
    [{ nodes: 2.5 }, 'sim.nodes'],
    [{ nodes: 100_000 }, 'sim.nodes'],
    [{ minutes: 0 }, 'sim.minutes'],
    [{ minutes: Number.POSITIVE_INFINITY }, 'sim.minutes'],
    [{ world: 'toy' }, 'sim.world'],
    [{ speed: 3 }, 'sim.speed'],
  ] as [SimOptions, string][])('refuses %j, naming %s, before anything runs', async (options, path) => {
    const lines: string[] = []
    const refused = await runSim(options, { line: (text) => lines.push(text) }).catch(
      (error: unknown) => error,
    )
    expect(refused).toBeInstanceOf(InvalidOption)
    expect((refused as InvalidOption).option).toBe(path)
    expect(lines).toEqual([])
  })
})

describe('a run', () => {
  it.each(Object.keys(faultKinds))('survives %s', async (kind) => {
    for (let seed = 1; seed <= 3; seed++) {
      const result = await runScenario(scenarioOf({ world: 'membership', seed, nodes: 9, minutes: 2 }, kind))
      expect(result.failure).toBeUndefined()
      expect(result.convergedAfter).toBeDefined()
    }
  })

  it('takes one step differently when one fault is one millisecond later', async () => {
    const of = { world: 'membership', seed: 1, nodes: 5, minutes: 1 } as const
    const one = await runScenario(scenarioOf(of, 'freeze@10000+5000:1'))
    const other = await runScenario(scenarioOf(of, 'freeze@10001+5000:1'))
    expect(one.traceHash).not.toBe(other.traceHash)
  })

  it('of a single page, and of two, goes well', async () => {
    for (const nodes of [1, 2]) {
      const result = await runScenario(
        scenarioOf({ world: 'membership', seed: 1, nodes, minutes: 2 }, 'reload,freeze'),
      )
      expect(result.failure).toBeUndefined()
    }
  })
})
