import { startSignalServer } from '../../signaling/index.js'
import { serveMemory } from './serve-memory.js'

// Limits that a load generator on one address would meet are out of the way; all else is as it comes.
const most = 1_000_000_000
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
