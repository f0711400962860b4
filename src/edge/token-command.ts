import { Command } from 'commander'
import { runToken, tokenFlags } from '../../signaling/index.js'
import { positiveNumber } from './arguments.js'

/** `ringmesh token`: mints a token that a signalling server with the same key lets a peer in by. */
export function tokenCommand(): Command {
  const command = new Command('token').description('Mint a token that lets peers in at a signalling server.')
  for (const [flag, help] of tokenFlags) {
    if (/<(number|seconds)>$/.test(flag)) command.option(flag, help, positiveNumber)
    else command.option(flag, help)
  }
  return command
    .addHelpText(
      'after',
      '\nExamples:\n  RINGMESH_SIGNAL_KEY=$(cat key) ringmesh token --room "team-*" --kind tab --expires-in 3600\n  ringmesh token --private-key key.pem --room demo --peer p1',
    )
    .action(runToken)
}
