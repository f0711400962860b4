import { runSignal } from '../../signaling/index.js'
import { serveMemory } from './serve-memory.js'

// As the command line starts it: limits, log and what it asks of V8 are as they come.
const server = await runSignal({ port: 0 })
if (server !== undefined) serveMemory(server.port, () => ({ frames: server.tally.frames }))
