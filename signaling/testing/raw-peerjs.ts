import { WebSocket } from 'ws'

/** Longer than anything takes that works, on a busy machine. */
const patience = 60_000

export interface PeerJsMessage {
  readonly type: string
  readonly src?: string
  readonly dst?: string
  readonly payload?: { readonly msg?: string } | null
}

/** A client that speaks PeerServer's protocol in bare frames. */
export class RawPeerJs {
  readonly socket: WebSocket
  readonly got: PeerJsMessage[] = []
  readonly closed: Promise<number>
  readonly status: Promise<number>
  #waiting: (() => void)[] = []

  /** @param url - `ws://host:port/path/peerjs` */
  constructor(url: string, query: Record<string, string>, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(`${url}?${new URLSearchParams(query)}`, { headers })
    this.closed = new Promise((resolve) => this.socket.on('close', (code) => resolve(code)))
    this.status = new Promise((resolve) => {
      this.socket.on('unexpected-response', (_request, response) => {
        resolve(response.statusCode ?? 0)
        response.destroy()
      })
      this.socket.on('open', () => resolve(101))
      this.socket.on('error', () => resolve(0))
    })
    this.socket.on('message', (data) => {
      this.got.push(JSON.parse(String(data)))
      for (const wake of this.#waiting.splice(0)) wake()
    })
  }

  /** Connects as a stock client does; resolves at OPEN. */
  static async open(url: string, id: string, token = `token of ${id}`): Promise<RawPeerJs> {
    const peer = new RawPeerJs(url, { key: 'peerjs', id, token, version: '1.5.5' })
    await peer.next('OPEN')
    return peer
  }

  send(message: unknown): void {
    this.socket.send(JSON.stringify(message))
  }

  /** Takes the next message of a type; waits for it. */
  async next(type: string): Promise<PeerJsMessage> {
    const deadline = performance.now() + patience
    for (;;) {
      const index = this.got.findIndex((message) => message.type === type)
      if (index >= 0) return this.got.splice(index, 1)[0] as PeerJsMessage
      const left = deadline - performance.now()
      if (left <= 0) throw new Error(`no ${type} came; got ${JSON.stringify(this.got)}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left)
        this.#waiting.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }
}
