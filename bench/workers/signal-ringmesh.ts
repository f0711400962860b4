import { startSignalServer } from '../../signaling/index.js'
import { collectGarbageForLatency } from '../../signaling/node/collecting-garbage.js'
import { serveMemory } from './serve-memory.js'

// As the command line starts it, with limits that a load generator on one address would meet out of the way.
const most = 1_000_000_000
collectGarbageForLatency()
const server = await startSignalServer({
  port: 0,
  limits: {
    connections: 100_000,
    connectionsPerAddress: 100_000,
    newConnectionsPerAddress: 100_000,
    rooms: 100_000,
    framesPerSecond: most,
    framesPerSecondPerAddress: most,
    bytesPerSecond: most,
    relayBytesPerSecond: most,
  },
})
serveMemory(server.port)
