import { Command } from 'commander'
import type { SignalFlags } from '../../signaling/index.js'
import { port, positiveNumber } from './arguments.js'

/** The flags and what their help says; here and not with what they do, as help need not load the server. */
const flags: readonly (readonly [flag: string, help: string])[] = [
  ['--port <number>', 'where to listen; 0 takes any free port (default: 9000)'],
  ['--host <address>', 'the address to listen on (default: 127.0.0.1)'],
  ['--path <path>', 'where peers connect (default: /)'],
  ['--open', 'let everybody in, also from other machines'],
  ['--key <secret>', 'want tokens, signed with this secret; better by RINGMESH_SIGNAL_KEY or its _FILE'],
  ['--jwks <url>', 'want tokens, signed with one of these keys'],
  ['--redis <url>', 'share rooms with other instances through this Redis'],
  ['--origin <origin...>', 'origins that pages may connect from (default: any)'],
  ['--trusted-proxies <count>', 'proxies in front whose X-Forwarded-For is believed (default: 0)'],
  ['--limit <name=value...>', 'a limit, such as peersPerRoom=64'],
  ['--config <file>', 'a JSON file of options; RINGMESH_SIGNAL_* variables win over it, flags over both'],
  ['--log-level <level>', 'debug, info, warn or error (default: info)'],
  ['--print-config', 'print the effective configuration, without secrets, and end'],
]

/** `ringmesh signal`: the signalling server alone. SIGTERM and SIGINT tell the peers to move, then it stops. */
export function signalCommand(): Command {
  const command = new Command('signal').description(
    'Run the signalling server, through which peers find each other.',
  )
  for (const [flag, help] of flags) {
    if (flag.startsWith('--port')) command.option(flag, help, port)
    else if (flag.endsWith('<count>')) command.option(flag, help, positiveNumber)
    else command.option(flag, help)
  }
  return command
    .addHelpText(
      'after',
      '\nExamples:\n  ringmesh signal --port 9000\n  RINGMESH_SIGNAL_KEY_FILE=/run/secrets/key ringmesh signal --host 0.0.0.0 --redis redis://redis:6379',
    )
    .action(async (given: SignalFlags) => {
      const { runSignal } = await import('../../signaling/index.js')
      await runSignal(given)
    })
}
