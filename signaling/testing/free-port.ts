import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * Below what Linux gives to whoever asks for any port, from 32768 on, and above the services that are commonly there
 * (`net.ipv4.ip_local_port_range`, ip-sysctl): what is free here is not given away to a connection or to another
 * server before it is used, nor between two starts of who listens on it.
 */
const first = 20_000
const last = 32_767

/** A port that nothing listens on, for who must know it before it is used. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(first, last + 1)
    if (await isFree(port)) return port
  }
  throw new Error(`no free port found from ${first} to ${last}`)
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
