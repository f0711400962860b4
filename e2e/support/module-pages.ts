import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type LoopbackServer, serveOnLoopback } from './loopback-server.js'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Where the modules stand that the package imports by name, as a page without a bundler says it in its import map. */
const imports = {
  ringmesh: '/dist/index.js',
  '@msgpack/msgpack': '/node_modules/@msgpack/msgpack/dist.esm/index.mjs',
  valibot: '/node_modules/valibot/dist/index.mjs',
  'idb-keyval': '/node_modules/idb-keyval/dist/index.js',
}

/**
 * Serves `NAME.html` for each of some modules, a page with the module in it and an import map for those that are not
 * bundled. From a server, as Chromium keeps a page that a test makes up from the network of its machine.
 */
export async function startModulePages(code: Readonly<Record<string, string>>): Promise<LoopbackServer> {
  return serveOnLoopback(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const [, name = '', kind] = /^\/(\w+)\.(html|js)$/.exec(pathname) ?? []
    response.setHeader('content-type', kind === 'html' ? 'text/html' : 'text/javascript')
    if (kind === 'html')
      response.end(
        `<!doctype html><script type="importmap">${JSON.stringify({ imports })}</script>` +
          `<script type="module" src="${name}.js"></script>`,
      )
    else if (code[name] !== undefined) response.end(code[name])
    else
      await readFile(join(root, pathname)).then(
        (body) => response.end(body),
        () => response.writeHead(404).end(),
      )
  })
}
