import { startSignalServer } from '../../signaling/index.js'
import { serveMemory } from './serve-memory.js'

// All limits as they come. Lines of the log go nowhere: what a disk takes for them is not measured here.
const server = await startSignalServer({ port: 0, log: () => {} })
serveMemory(server.port, () => ({ frames: server.tally.frames }))
