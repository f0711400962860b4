import { Command } from 'commander'
import type { SimOptions } from '../sim/index.js'
import { positiveNumber } from './arguments.js'

/** `ringmesh sim`: the deterministic simulator. Exits with 1 when an invariant was broken. */
export function simCommand(): Command {
  return new Command('sim')
    .description('Run the simulator: the code of the mesh itself, in virtual time, under faults.')
    .option('--seed <number>', 'the first seed (default: 1)', positiveNumber)
    .option('--seeds <count>', 'how many seeds to run, from the first on (default: 1)', positiveNumber)
    .option('--nodes <count>', 'peers at the start (default: 10)', positiveNumber)
    .option('--minutes <minutes>', 'virtual minutes with faults (default: 5)', positiveNumber)
    .option('--faults <list>', "names with commas between, or 'all', 'none' or 'some' (default: some)")
    .option('--world <world>', "'membership' alone, or the whole 'mesh' (default: membership)")
    .option('--shrink', 'find the smallest list of faults that still fails')
    .addHelpText(
      'after',
      '\nExamples:\n  ringmesh sim --seeds 100 --nodes 20\n  ringmesh sim --seed 42 --faults crash,freeze --shrink',
    )
    .action(async (options: SimOptions) => {
      const { runSim } = await import('../sim/index.js')
      const { isTTY } = process.stderr
      const { failed } = await runSim(options, {
        line: (text) => console.log(text),
        ...(isTTY && { progress: (text: string) => process.stderr.write(`\r\u001b[K${text}`) }),
      })
      if (isTTY) process.stderr.write('\r\u001b[K')
      if (failed.length > 0) process.exitCode = 1
    })
}
