import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { serveMemory } from './serve-memory.js'

const frame = Buffer.alloc(3)
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false })
server.on('connection', (socket) => socket.send(frame))
server.on('listening', () => serveMemory((server.address() as AddressInfo).port))
