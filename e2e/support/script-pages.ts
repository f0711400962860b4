import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

/** The script tag, and what it loads from beside itself: the mesh, and for `peerjs(…)` the package. */
export const scripts = ['ringmesh.global.js', 'ringmesh.mesh.js', 'ringmesh.peerjs.js'] as const

/** And the inspector, where a page has its element. */
const served = [...scripts, 'ringmesh.inspector.js']

interface ScriptPages {
  readonly url: string
  stop(): Promise<void>
}

/**
 * Serves a blank page with the script tag in it.
 *
 * @param policy - its Content-Security-Policy, where `%` is the URL of the server; by default as strict as may be: no
 * `eval`, no script from elsewhere
 * @param attributes - of the tag, besides its `src`
 */
export async function startScriptPages(
  policy = "default-src 'self'; connect-src *",
  attributes = '',
): Promise<ScriptPages> {
  const files = new Map<string, Buffer>()
  for (const name of served)
    files.set(`/${name}`, await readFile(fileURLToPath(new URL(`../../dist/${name}`, import.meta.url))))
  const server = createServer((request, response) => {
    const script = files.get(request.url ?? '/')
    response.setHeader('content-security-policy', policy.replaceAll('%', `http://${request.headers.host}/`))
    response.setHeader('content-type', script === undefined ? 'text/html' : 'text/javascript')
    response.end(script ?? `<!doctype html><script src="/ringmesh.global.js" ${attributes}></script>`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    stop: () => {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
