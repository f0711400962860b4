import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PeerServer } from 'peer'
import { serveMemory } from './serve-memory.js'

const server = await new Promise<Server>((resolve) => {
  PeerServer({ port: 0, host: '127.0.0.1', path: '/', concurrent_limit: 100_000 }, (listening) =>
    resolve(listening as Server),
  )
})
serveMemory((server.address() as AddressInfo).port)
