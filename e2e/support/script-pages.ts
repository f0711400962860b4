import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type LoopbackServer, serveOnLoopback } from './loopback-server.js'

/** The script tag, and what it loads from beside itself: the mesh, and for `peerjs(…)` the package. */
export const scripts = ['ringmesh.global.js', 'ringmesh.mesh.js', 'ringmesh.peerjs.js'] as const

/** And the inspector, where a page has its element; and what its own workers take. */
const served = [...scripts, 'ringmesh.inspector.js', 'ringmesh.worker.js']

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
): Promise<LoopbackServer> {
  const files = new Map<string, Buffer>()
  for (const name of served)
    files.set(`/${name}`, await readFile(fileURLToPath(new URL(`../../dist/${name}`, import.meta.url))))
  return serveOnLoopback((request, response) => {
    const script = files.get(request.url ?? '/')
    response.setHeader('content-security-policy', policy.replaceAll('%', `http://${request.headers.host}/`))
    response.setHeader('content-type', script === undefined ? 'text/html' : 'text/javascript')
    response.end(script ?? `<!doctype html><script src="/ringmesh.global.js" ${attributes}></script>`)
  })
}
