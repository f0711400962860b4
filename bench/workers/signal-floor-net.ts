import { type AddressInfo, createServer } from 'node:net'
import { serveMemory } from './serve-memory.js'
import { answered } from './upgrade-answer.js'

const server = createServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {})
  socket.once('data', (head) => {
    const key = /sec-websocket-key: (.*)\r\n/i.exec(head.toString('latin1'))?.[1] ?? ''
    socket.write(answered(key), 'latin1')
  })
})
server.listen(0, '127.0.0.1', () => serveMemory((server.address() as AddressInfo).port))
