import { fileURLToPath } from 'node:url'
import { expect, test } from '@playwright/test'
import { build, type Rolldown } from 'vite'
import type * as sim from '../src/sim/index.js'

/** The simulator as one script, which Node and a page can both run. */
async function simulatorScript(): Promise<string> {
  const built = (await build({
    configFile: false,
    logLevel: 'error',
    publicDir: false,
    define: { 'process.env.NODE_ENV': '"production"' },
    build: {
      write: false,
      minify: false,
      target: 'es2022',
      lib: {
        entry: fileURLToPath(new URL('../src/sim/index.ts', import.meta.url)),
        formats: ['iife'],
        name: 'simulator',
      },
    },
  })) as Rolldown.RolldownOutput[]
  const [chunk] = built[0]?.output ?? []
  if (chunk?.type !== 'chunk') throw new Error('the simulator was not built')
  return chunk.code
}

/** Every kind of fault comes in one of these. */
const runs: readonly Parameters<typeof sim.runSim>[0][] = [
  { world: 'membership', seed: 1, seeds: 4, nodes: 12, minutes: 2, faults: 'all' },
  { world: 'mesh', seed: 1, nodes: 5, minutes: 1, faults: 'all' },
]

test('a seed takes the same steps in Node and in Chromium', async ({ page }) => {
  // A minute of a mesh is some seconds of work here, and as much again in the page.
  test.setTimeout(180_000)
  const script = await simulatorScript()
  const run = async (simulator: typeof sim, options: readonly Parameters<typeof sim.runSim>[0][]) => {
    const lines: string[] = []
    for (const one of options) await simulator.runSim(one, { line: (text) => lines.push(text) })
    return lines
  }

  const inNode = await run(new Function(`${script}; return simulator`)() as typeof sim, runs)
  expect(inNode.filter((line) => /trace [0-9a-f]{16}/.test(line))).toHaveLength(5)

  await page.goto('about:blank')
  await page.addScriptTag({ content: `${script}; globalThis.simulator = simulator; globalThis.run = ${run}` })
  const inChromium = await page.evaluate((options) => {
    const here = globalThis as unknown as {
      simulator: typeof sim
      run: (simulator: typeof sim, options: readonly Parameters<typeof sim.runSim>[0][]) => Promise<string[]>
    }
    return here.run(here.simulator, options)
  }, runs)
  expect(inChromium).toEqual(inNode)
})
