import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Command } from 'commander'
import type { Mesh } from '../index.node.js'
import { positiveNumber } from './arguments.js'
import { operatorLog } from './operator-log.js'
import { progress } from './progress.js'

interface EdgeOptions {
  signal: string[]
  room: string
  tasks?: string
  data?: string
  token?: string
  weight?: number
}

/** `ringmesh edge`: a Node process that is a peer. SIGTERM and SIGINT drain it, then it leaves. */
export function edgeCommand(): Command {
  return new Command('edge')
    .description('Run an edge worker: a Node process that is a peer of the mesh and is meant to stay.')
    .requiredOption('--signal <url...>', 'signalling server; several are tried in turn')
    .requiredOption('--room <name>', 'the room to join')
    .option(
      '--tasks <file>',
      'a module whose default export is called with the mesh, to define tasks and processes',
    )
    .option('--data <dir>', 'keep state in this folder, so that it outlives the process')
    .option('--token <token>', 'sent to the signalling server')
    .option('--weight <number>', 'share of the ring; a tab has 1 (default: 4)', positiveNumber)
    .addHelpText(
      'after',
      `
SIGTERM drains it: what it holds is handed over, then it leaves.

Examples:
  ringmesh edge --signal ws://localhost:9000 --room demo
  ringmesh edge --signal wss://signal.example --room demo --tasks ./tasks.js --data ./data

tasks.js:
  export default (mesh) => mesh.tasks.define('square', async (n) => n * n)`,
    )
    .action(runEdge)
}

async function runEdge(options: EdgeOptions): Promise<void> {
  // First: a file that cannot be used is to be refused before the others see a peer come and go.
  const define = options.tasks === undefined ? undefined : await definitionsOf(options.tasks)
  const done = progress(`joining room ${options.room}`)
  const { join } = await import('../index.node.js')
  const mesh = await join({
    signal: options.signal,
    room: options.room,
    log: operatorLog,
    ...(options.token === undefined ? {} : { token: options.token }),
    ...(options.weight === undefined ? {} : { weight: options.weight }),
    ...(options.data === undefined ? {} : { persistence: options.data }),
  }).finally(done)
  let leaving = false
  const leave = async (): Promise<void> => {
    if (leaving) return
    leaving = true
    const done = progress('handing over what it holds')
    await mesh.leave()
    done()
    process.exit(0)
  }
  process.on('SIGTERM', leave)
  process.on('SIGINT', leave)
  process.on('disconnect', leave)

  try {
    await define?.(mesh)
  } catch (error) {
    // Asked to leave meanwhile, the mesh refuses what the module still wants of it.
    if (leaving) return
    // The others shall not have to find out.
    await mesh.leave()
    throw new Error(`${options.tasks} failed: ${error instanceof Error ? error.message : String(error)}`)
  }
  console.log(`edge worker ${mesh.id} is in room ${options.room}`)
  process.send?.({ ready: mesh.id })
}

/** What a module of `--tasks` exports: called with the mesh, once it has joined. */
type Definitions = (mesh: Mesh) => unknown

async function definitionsOf(file: string): Promise<Definitions> {
  const { InvalidOption } = await import('../index.node.js')
  const loaded: { default?: unknown } = await import(pathToFileURL(resolve(file)).href).catch((error) => {
    throw new InvalidOption('edge --tasks', file, `must be a module that loads (${reasonOf(error)})`)
  })
  if (typeof loaded.default !== 'function') {
    throw new InvalidOption('edge --tasks', file, 'must have a default export that is a function of the mesh')
  }
  return loaded.default as Definitions
}

/** Why a module did not load; Node's own words for a file that is not there name the importer as well. */
function reasonOf(error: NodeJS.ErrnoException): string {
  const { code, url } = error as NodeJS.ErrnoException & { url?: string }
  if (code === 'ERR_MODULE_NOT_FOUND' && url !== undefined) return `there is no ${fileURLToPath(url)}`
  return error.message
}
