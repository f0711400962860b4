import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'

const here = new URL('../', import.meta.url)
const { resolve } = createRequire(import.meta.url)
const script = (name: string): readonly [string, string] => ['text/javascript', resolve(`ringmesh/${name}`)]

const files: Readonly<Record<string, readonly [type: string, file: string | URL]>> = {
  '/': ['text/html', new URL('page.html', here)],
  '/page.js': ['text/javascript', new URL('page.js', here)],
  // The second is loaded by the first, from beside it, when the page joins.
  '/ringmesh.global.js': script('ringmesh.global.js'),
  '/ringmesh.mesh.js': script('ringmesh.mesh.js'),
}

/** Serves the page of the example on a free port. */
export async function servePage(): Promise<{ url: string; stop(): void }> {
  const server = createServer(async (request, response) => {
    const found = files[new URL(request.url ?? '/', 'http://localhost').pathname]
    if (found === undefined) response.writeHead(404).end()
    else response.setHeader('content-type', found[0]).end(await readFile(found[1]))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    stop() {
      server.closeAllConnections()
      server.close()
    },
  }
}
