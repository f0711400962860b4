import { appendFileSync, readFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import type { SimOptions, StoreRun, StoreSimOptions } from '../sim/index.js'
import { positiveNumber } from './arguments.js'

interface CommandOptions extends Omit<SimOptions, 'world'>, Pick<StoreSimOptions, 'writes'> {
  readonly world?: SimOptions['world'] | 'store'
  readonly runs?: string
}

/** `ringmesh sim`: the deterministic simulator. Exits with 1 when an invariant or a promise was broken. */
export function simCommand(): Command {
  return new Command('sim')
    .description('Run the simulator: the code of the mesh itself, in virtual time, under faults.')
    .option('--seed <number>', 'the first seed (default: 1)', positiveNumber)
    .option('--seeds <count>', 'how many seeds to run, from the first on (default: 1)', positiveNumber)
    .option('--nodes <count>', 'peers at the start (default: 10)', positiveNumber)
    .option('--minutes <minutes>', 'virtual minutes with faults (default: 5)', positiveNumber)
    .option('--faults <list>', "names with commas between, or 'all', 'none' or 'some' (default: some)")
    .addOption(
      new Option(
        '--world <world>',
        'membership alone, the whole mesh, or the store in great numbers (default: membership)',
      ).choices(['membership', 'mesh', 'store']),
    )
    .option('--shrink', 'find the smallest list of faults that still fails')
    .option('--writes <count>', 'store: run seeds until so many writes were acknowledged', positiveNumber)
    .option('--runs <file>', 'store: keep what each run came to here, and go on from what is there')
    .addHelpText(
      'after',
      '\nExamples:\n  ringmesh sim --seeds 100 --nodes 20\n  ringmesh sim --seed 42 --faults crash,freeze --shrink\n  ringmesh sim --world store --writes 1000000 --runs runs.jsonl',
    )
    .action(async ({ world, runs, ...options }: CommandOptions) => {
      const { runSim, runStoreSim } = await import('../sim/index.js')
      const { isTTY } = process.stderr
      const clear = () => isTTY && process.stderr.write('\r\u001b[K')
      const output = {
        line(text: string) {
          clear()
          console.log(text)
        },
        ...(isTTY && { progress: (text: string) => process.stderr.write(`\r\u001b[K${text}`) }),
      }
      // What is of another world is refused by name there.
      const ofMesh = { ...options, world, runs } as SimOptions
      const { failed } =
        world === 'store'
          ? await runStoreSim({ ...options, earlier: await runsIn(runs) }, { ...output, ...keptIn(runs) })
          : await runSim(ofMesh, output)
      clear()
      if (failed.length > 0) process.exitCode = 1
    })
}

/**
 * The runs that a file has, a line each; what is no run, as a line that was cut short, is left out. A file that cannot
 * be used is refused now, and not after the first run.
 */
async function runsIn(file: string | undefined): Promise<StoreRun[]> {
  if (file === undefined) return []
  const { InvalidOption } = await import('../index.node.js')
  const { readStoreRun } = await import('../sim/index.js')
  let text: string
  try {
    appendFileSync(file, '')
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const { message } = error as Error
    throw new InvalidOption('sim --runs', file, `must be a file that can be written (${message})`)
  }
  const read = text.split('\n').map(readStoreRun)
  return read.filter((run) => run !== undefined)
}

/** Writes every run down as it ends, on a line of its own though the one before was cut short. */
function keptIn(file: string | undefined): { ended?: (run: StoreRun) => void } {
  return file === undefined ? {} : { ended: (run) => appendFileSync(file, `\n${JSON.stringify(run)}`) }
}
