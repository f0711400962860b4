import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

/** The script tag, and the mesh that it loads from beside itself; both stand beside this file in `dist`. */
const scripts = ['ringmesh.global.js', 'ringmesh.mesh.js']

const page = `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>a peer</title>
<script src="/ringmesh.global.js"></script>
<script>
  const parameters = new URLSearchParams(location.search)
  window.chaos = new ringmesh.Chaos()
  ringmesh.join({ signal: parameters.get('signal'), room: parameters.get('room'), chaos }).then(
    (mesh) => { window.mesh = mesh },
    (error) => { window.meshError = error.name + ': ' + error.message },
  )
</script>
`

/** Serves a blank page that joins the room in its query, on a free port of loopback. */
export class PageServer {
  readonly #server: Server

  static async start(): Promise<PageServer> {
    const files = new Map<string, Buffer>()
    // Not by a template: Vite would take that for assets of its own, and put its names in place of it.
    for (const name of scripts)
      files.set(`/${name}`, await readFile(fileURLToPath(new URL(name, import.meta.url))))
    const server = createServer((request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://localhost')
      const script = files.get(pathname)
      if (pathname === '/') response.setHeader('content-type', 'text/html').end(page)
      else if (script !== undefined) response.setHeader('content-type', 'text/javascript').end(script)
      else response.writeHead(pathname === '/favicon.ico' ? 204 : 404).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new PageServer(server)
  }

  private constructor(server: Server) {
    this.#server = server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}
