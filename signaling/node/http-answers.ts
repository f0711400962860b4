import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Metrics } from './metrics.js'

/** What the HTTP side of the server answers from. */
export interface HttpAnswersOptions {
  readonly metrics: Metrics
  /** What is in the way of taking new peers; undefined when nothing is. */
  readonly unready: () => string | undefined
  readonly bus: () => 'up' | 'down'
  /** Origins that pages may read the PeerJS answers from; undefined for any. */
  readonly origins: readonly string[] | undefined
  readonly peerjs:
    | {
        readonly path: string
        readonly key: string
        readonly discovery: boolean
        readonly ids: () => string[]
      }
    | undefined
}

/** PeerServer's own answer at its root. */
const peerServer = {
  name: 'PeerJS Server',
  description: 'A server side element to broker connections between PeerJS clients.',
  website: 'https://peerjs.com/',
}

/** Answers plain HTTP: health, metrics, and what PeerServer publishes. */
export class HttpAnswers {
  readonly #options: HttpAnswersOptions

  constructor(options: HttpAnswersOptions) {
    this.#options = options
  }

  /** Answers a request, or says by false that it is none of ours. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const path = (request.url ?? '/').split('?', 1)[0] as string
    const { peerjs, metrics, unready, bus } = this.#options
    switch (path) {
      case '/healthz':
        json(response, 200, { alive: true })
        return true
      case '/readyz': {
        const reason = unready()
        json(response, reason === undefined ? 200 : 503, { ready: reason === undefined, reason, bus: bus() })
        return true
      }
      case '/metrics':
        metrics.text().then(
          (text) => response.writeHead(200, { 'content-type': metrics.contentType }).end(text),
          () => response.writeHead(500).end(),
        )
        return true
      default:
        // Last, as its path may be the root.
        if (peerjs === undefined || (path !== peerjs.path && !path.startsWith(withSlash(peerjs.path)))) {
          return false
        }
        this.#peerServer(request, response, path.slice(withSlash(peerjs.path).length))
        return true
    }
  }

  /** `GET /`, `GET /:key/id`, `GET /:key/peers`, with CORS, as PeerServer documents them. */
  #peerServer(request: IncomingMessage, response: ServerResponse, path: string): void {
    const { peerjs, origins } = this.#options
    const { origin } = request.headers
    if (origin !== undefined && (origins === undefined || origins.includes(origin))) {
      response.setHeader('access-control-allow-origin', origin)
    }
    response.setHeader('vary', 'Origin')
    if (request.method === 'OPTIONS') {
      response.writeHead(204, { 'access-control-allow-methods': 'GET,HEAD,PUT,PATCH,POST,DELETE' }).end()
      return
    }
    const [key = '', what, ...more] = path.split('/')
    if (request.method !== 'GET' && request.method !== 'HEAD') json(response, 404, {})
    else if (key === '') json(response, 200, peerServer)
    else if (what === 'id' && more.length === 0) {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(randomUUID())
    } else if (what === 'peers' && more.length === 0) {
      if (peerjs?.discovery && key === peerjs.key) json(response, 200, peerjs.ids())
      else response.writeHead(401, { 'content-type': 'text/plain; charset=utf-8' }).end('Unauthorized')
    } else json(response, 404, {})
  }
}

function withSlash(path: string): string {
  return path.endsWith('/') ? path : `${path}/`
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body))
}
