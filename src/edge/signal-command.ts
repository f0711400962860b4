import { Command } from 'commander'
import { runSignal, signalFlags } from '../../signaling/index.js'
import { port, positiveNumber } from './arguments.js'

/** `ringmesh signal`: the signalling server alone. SIGTERM and SIGINT tell the peers to move, then it stops. */
export function signalCommand(): Command {
  const command = new Command('signal').description(
    'Run the signalling server, through which peers find each other.',
  )
  for (const [flag, help] of signalFlags) {
    if (flag.startsWith('--port')) command.option(flag, help, port)
    else if (flag.endsWith('<count>')) command.option(flag, help, positiveNumber)
    else command.option(flag, help)
  }
  return command
    .addHelpText(
      'after',
      '\nExamples:\n  ringmesh signal --port 9000\n  RINGMESH_SIGNAL_KEY_FILE=/run/secrets/key ringmesh signal --host 0.0.0.0 --redis redis://redis:6379',
    )
    .action(async (flags) => {
      await runSignal(flags)
    })
}
