import { Command } from 'commander'
import { positiveNumber } from './arguments.js'

/** `ringmesh sim`: the deterministic simulator. */
export function simCommand(): Command {
  return new Command('sim')
    .description('Run the simulator: the code of the mesh, in virtual time, with faults.')
    .option('--seed <seed>', 'the first seed, or the only one')
    .option('--seeds <count>', 'how many seeds', positiveNumber)
    .option('--nodes <count>', 'peers in the mesh', positiveNumber)
    .option('--minutes <minutes>', 'virtual minutes of faults', positiveNumber)
    .option('--faults <list>', 'names of faults, with commas between')
    .option('--shrink', 'find the smallest list of faults that still fails')
    .addHelpText('after', '\nExample:\n  ringmesh sim --seeds 100 --nodes 20 --faults crash,freeze,loss')
}
