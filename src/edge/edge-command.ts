import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Command } from 'commander'
import type { Mesh } from '../index.node.js'
import { positiveNumber } from './arguments.js'
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
  const done = progress(`joining room ${options.room}`)
  const { join } = await import('../index.node.js')
  const mesh = await join({
    signal: options.signal,
    room: options.room,
    ...(options.token === undefined ? {} : { token: options.token }),
    ...(options.weight === undefined ? {} : { weight: options.weight }),
    ...(options.data === undefined ? {} : { persistence: options.data }),
  }).finally(done)
  if (options.tasks !== undefined) await load(options.tasks, mesh)
  console.log(`edge worker ${mesh.id} is in room ${options.room}`)
  process.send?.({ ready: mesh.id })

  let leaving = false
  const leave = async (): Promise<void> => {
    if (leaving) return
    leaving = true
    await mesh.leave()
    process.exit(0)
  }
  process.on('SIGTERM', leave)
  process.on('SIGINT', leave)
  process.on('disconnect', leave)
}

async function load(file: string, mesh: Mesh): Promise<void> {
  const module: { default?: unknown } = await import(pathToFileURL(resolve(file)).href)
  if (typeof module.default !== 'function') {
    throw new Error(`${file}: its default export must be a function that takes the mesh`)
  }
  await module.default(mesh)
}
