import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { startSignalServer } from '../../signaling/index.js'
import { InvalidOption } from '../errors/index.js'
import { port } from './arguments.js'

interface SignalFlags {
  port?: number
  host?: string
  config?: string
  open?: boolean
}

/** `ringmesh signal`: the signalling server alone. SIGTERM and SIGINT tell the peers to move, then it stops. */
export function signalCommand(): Command {
  return new Command('signal')
    .description('Run the signalling server, through which peers find each other.')
    .option('--port <number>', 'where to listen; 0 takes any free port (default: 9000)', port)
    .option('--host <address>', 'the address to listen on (default: 127.0.0.1)')
    .option('--open', 'let everybody in, also from other machines')
    .option('--config <file>', 'a JSON file of options; flags win over it')
    .addHelpText('after', '\nExample:\n  ringmesh signal --port 9000 --host 0.0.0.0 --open')
    .action(runSignal)
}

async function runSignal({ config, ...flags }: SignalFlags): Promise<void> {
  const server = await startSignalServer({
    ...(config === undefined ? {} : fromFile(config)),
    ...flags,
    log: (level, message, details) => {
      if (level !== 'debug') console.error(JSON.stringify({ level, message, ...details }))
    },
  })
  console.log(server.url)
  const stop = async (): Promise<void> => {
    await server.stop()
    process.exit(0)
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

function fromFile(file: string): Record<string, unknown> {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new InvalidOption('signal --config', file, `must be a readable JSON file (${(error as Error).message})`)
  }
}
