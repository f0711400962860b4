import { RawSocket } from './raw-socket.js'

export interface PeerJsMessage {
  readonly type: string
  readonly src?: string
  readonly dst?: string
  readonly payload?: { readonly msg?: string } | null
}

/** A client that speaks PeerServer's protocol in bare frames. */
export class RawPeerJs extends RawSocket<PeerJsMessage> {
  /** @param url - `ws://host:port/path/peerjs` */
  constructor(url: string, query: Record<string, string>, headers: Record<string, string> = {}) {
    super(`${url}?${new URLSearchParams(query)}`, headers)
  }

  protected override read(frame: Buffer): PeerJsMessage {
    return JSON.parse(String(frame))
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
}
