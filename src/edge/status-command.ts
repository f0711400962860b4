import { Command } from 'commander'
import { InvalidOption } from '../errors/index.js'
import type { Mesh } from '../index.node.js'
import { seconds } from './arguments.js'
import { progress } from './progress.js'
import { type Status, statusData, statusText } from './status-text.js'

interface StatusOptions {
  signal: string[]
  room: string
  token?: string
  timeout: number
  watch?: true
  every: number
  json?: true
}

/** Moves a terminal's cursor home and clears what is below: one picture replaces the other. */
const clearScreen = '\u001b[H\u001b[J'

/** `ringmesh status`: joins a room as an observer of weight 0 and prints what it sees. */
export function statusCommand(): Command {
  return new Command('status')
    .description('Print the members, ring shares and supervision trees of a room, once or again and again.')
    .requiredOption('--signal <url...>', 'signalling server; several are tried in turn')
    .requiredOption('--room <name>', 'the room to look at')
    .option('--token <token>', 'sent to the signalling server')
    .option('--timeout <seconds>', 'how long to try to join', seconds, 20)
    .option('--watch', 'print again and again, until interrupted')
    .option('--every <seconds>', 'how often, with --watch', seconds, 2)
    .option('--json', 'print JSON, one object a line')
    .addHelpText(
      'after',
      `
It joins as an observer that holds no state, and leaves when it is done.

Examples:
  ringmesh status --signal ws://localhost:9000 --room demo
  ringmesh status --signal ws://localhost:9000 --room demo --watch --every 1
  ringmesh status --signal ws://localhost:9000 --room demo --json | jq '.members[].state'`,
    )
    .action(runStatus)
}

async function runStatus(
  { signal, room, token, timeout, ...options }: StatusOptions,
  command: Command,
): Promise<void> {
  if (command.getOptionValueSource('every') === 'cli' && !options.watch)
    throw new InvalidOption('status --every', options.every, 'must be given with --watch')
  const done = progress(`joining room ${room}`)
  const { join } = await import('../index.node.js')
  const mesh = await join({
    signal,
    room,
    weight: 0,
    persistence: false,
    timeout: timeout * 1000,
    ...(token === undefined ? {} : { token }),
  }).finally(done)
  const interrupted = new AbortController()
  for (const end of ['SIGINT', 'SIGTERM'] as const) process.once(end, () => interrupted.abort())
  do {
    const status = await statusOf(mesh, room)
    const text = options.json ? JSON.stringify(statusData(status)) : statusText(status)
    if (options.watch && process.stdout.isTTY && !options.json) process.stdout.write(clearScreen)
    process.stdout.write(`${text}\n`)
    if (options.watch) await pause(options.every * 1000, interrupted.signal)
  } while (options.watch && !interrupted.signal.aborted)
  await mesh.leave()
  process.exit(0)
}

async function statusOf(mesh: Mesh, room: string): Promise<Status> {
  const trees = await mesh.tree()
  return { room, observer: mesh.id, view: mesh.view, members: mesh.members(), ring: mesh.ring, trees }
}

/** Resolves after so many milliseconds, or when `signal` says so. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
