import { createServer, type Server } from 'node:http'
import { networkInterfaces } from 'node:os'
import { fileURLToPath } from 'node:url'
import { Command, CommanderError } from 'commander'
import sirv from 'sirv'
import { startSignalServer } from '../../signaling/index.js'
import { port as readPort } from './arguments.js'
import { KeptEdge } from './kept-edge.js'

/** Where `npm start` serves, unless told otherwise. */
const defaultPort = 8080

const beside = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** What `npm start` runs: the demo's page, the signalling server beside it, and one edge worker. */
async function serveDemo({ port, host }: { port: number; host: string }): Promise<void> {
  const files = sirv(beside('./demo'), { dev: true })
  const library = sirv(beside('.'), { dev: true })
  const server = createServer((request, response) => {
    files(request, response, () => {
      library(request, response, () => {
        response.writeHead(404, { 'content-type': 'text/plain' })
        response.end('not found\n')
      })
    })
  })
  const used = await listen(server, port, host)
  const isEverywhere = host === '0.0.0.0' || host === '::'
  const shownHost = isEverywhere ? 'localhost' : host
  const signal = await startSignalServer({ server, path: '/signal' })
  const parameters = ['edge', '--signal', `ws://${shownHost}:${used}/signal`, '--room', 'demo']
  const edge = new KeptEdge(beside('./cli.js'), [...parameters, '--tasks', beside('./demo-edge.js')])
  await edge.start()
  console.log(`ringmesh demo: http://${shownHost}:${used}/`)
  if (isEverywhere)
    for (const address of ownAddresses()) console.log(`in your network: http://${address}:${used}/`)

  let stopping = false
  const stop = async (): Promise<void> => {
    if (stopping) return
    stopping = true
    await edge.stop()
    await signal.close()
    server.closeAllConnections()
    server.close(() => process.exit(0))
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
}

/** Where other machines of the network find this one. */
function ownAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address),
  )
}

function listen(server: Server, port: number, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE'
      reject(taken ? new Error(`port ${port} is taken: give another with --port or PORT`) : error)
    })
    server.listen(port, host, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}

const command = new Command('npm start --')
  .description('Serve the demo, with its signalling server and one edge worker.')
  .option(
    '--port <number>',
    'where to serve; also by the variable PORT',
    readPort,
    readPort(process.env.PORT || String(defaultPort)),
  )
  .option('--host <address>', 'the address to listen on', '127.0.0.1')
  .addHelpText('after', '\nExamples:\n  npm start -- --port 3000\n  npm start -- --host 0.0.0.0')
  .exitOverride()
  .configureOutput({ outputError: () => {} })

try {
  await serveDemo(command.parse().opts())
} catch (error) {
  if (error instanceof CommanderError && error.exitCode === 0) process.exit(0)
  console.error(`ringmesh: ${(error as Error).message.replace(/^error: /, '')}`)
  process.exit(error instanceof CommanderError ? 2 : 1)
}
