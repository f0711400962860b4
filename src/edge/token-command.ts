import { Command } from 'commander'
import type { TokenFlags } from '../../signaling/index.js'
import { positiveNumber } from './arguments.js'

/** The flags and what their help says. */
const flags: readonly (readonly [flag: string, help: string])[] = [
  ['--key <secret>', 'the shared secret; better by the variable RINGMESH_SIGNAL_KEY'],
  ['--private-key <file>', 'or a private key, Ed25519 or P-256, as a JWK or in PEM'],
  ['--room <pattern>', 'the room it is for; * stands for any characters (default: any room)'],
  ['--peer <id>', 'the one peer that may use it (default: any)'],
  ['--weight <number>', 'the highest weight that the peer may take (default: any)'],
  ['--kind <kind>', 'tab or edge (default: both)'],
  ['--audience <name>', 'the claim aud, where the server wants an audience (default: none)'],
  ['--issuer <name>', 'the claim iss, where the server wants an issuer (default: none)'],
  ['--expires-in <seconds>', 'how long it holds (default: 86400, a day)'],
]

/** `ringmesh token`: mints a token that a signalling server with the same key lets a peer in by. */
export function tokenCommand(): Command {
  const command = new Command('token').description('Mint a token that lets peers in at a signalling server.')
  for (const [flag, help] of flags) {
    if (/<(number|seconds)>$/.test(flag)) command.option(flag, help, positiveNumber)
    else command.option(flag, help)
  }
  return command
    .addHelpText(
      'after',
      '\nExamples:\n  RINGMESH_SIGNAL_KEY=$(cat key) ringmesh token --room "team-*" --kind tab --expires-in 3600\n  ringmesh token --private-key key.pem --room demo --peer p1',
    )
    .action(async (given: TokenFlags) => {
      const { runToken } = await import('../../signaling/index.js')
      await runToken(given)
    })
}
