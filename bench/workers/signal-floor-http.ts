import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serveMemory } from './serve-memory.js'
import { answered } from './upgrade-answer.js'

const server = createServer()
server.on('upgrade', (request, socket) => {
  socket.on('error', () => {})
  socket.on('data', () => {})
  socket.write(answered(request.headers['sec-websocket-key'] ?? ''), 'latin1')
})
server.listen(0, '127.0.0.1', () => serveMemory((server.address() as AddressInfo).port))
