import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type IConfig, PeerServer } from 'peer'

/** The PeerServer of npm, unchanged. */
export interface StockPeerServer {
  readonly port: number
  /** Stops it and cuts all its sockets. */
  stop(): Promise<void>
}

/** Starts one, by default on a free port of this machine and without a path. */
export async function stockPeerServer(options: Partial<IConfig> = {}): Promise<StockPeerServer> {
  const server = await new Promise<Server>((resolve) => {
    PeerServer({ port: 0, host: '127.0.0.1', path: '/', ...options }, (listening) =>
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
