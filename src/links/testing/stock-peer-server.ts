import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PeerServer } from 'peer'

/** The PeerServer of npm, unchanged. */
export interface StockPeerServer {
  readonly port: number
  /** Stops it and cuts all its sockets. */
  stop(): Promise<void>
}

/** Starts one, on a free port by default. Idle clients are forgotten after `alive_timeout` milliseconds. */
export async function stockPeerServer(port = 0, alive_timeout = 60_000): Promise<StockPeerServer> {
  const server = await new Promise<Server>((resolve) => {
    PeerServer({ port, host: '127.0.0.1', path: '/', alive_timeout }, (listening) =>
      resolve(listening as Server),
    )
  })
  const sockets = new Set<{ destroy(): void }>()
  server.on('connection', (socket) => sockets.add(socket))
  return {
    port: (server.address() as AddressInfo).port,
    stop: () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      return closed
    },
  }
}
