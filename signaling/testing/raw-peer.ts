import { WebSocket } from 'ws'
import {
  decodeMessage,
  encodeMessage,
  type Message,
  type PeerInfo,
  protocolVersion,
} from '../../src/wire/index.js'

type Typed<Type extends Message['type']> = Extract<Message, { type: Type }>

/** Longer than anything takes that works, on a busy machine. */
const patience = 60_000

/** A tab's description with the given id. */
export function tab(id: string): PeerInfo {
  return { id, kind: 'tab', weight: 1, host: `host-of-${id}` }
}

/** A peer of bare frames over `ws`: keeps what it got, and waits for what has not come. */
export class RawPeer {
  readonly socket: WebSocket
  readonly got: Message[] = []
  /** The code that the socket was closed with. */
  readonly closed: Promise<number>
  /** The HTTP status of a refused upgrade, 101 when it was not, 0 when nobody answered. */
  readonly status: Promise<number>
  #waiting: (() => void)[] = []

  constructor(url: string, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(url, { headers, perMessageDeflate: false })
    this.closed = new Promise((resolve) => this.socket.on('close', (code) => resolve(code)))
    this.status = new Promise((resolve) => {
      this.socket.on('unexpected-response', (_request, response) => {
        resolve(response.statusCode ?? 0)
        response.destroy()
      })
      this.socket.on('open', () => resolve(101))
      this.socket.on('error', () => resolve(0))
    })
    this.socket.on('error', () => {})
    this.socket.on('message', (data) => {
      this.got.push(decodeMessage(data as Buffer))
      for (const wake of this.#waiting.splice(0)) wake()
    })
  }

  /** Connects and joins; resolves when welcomed. */
  static async join(url: string, room: string, id: string, token: string | null = null): Promise<RawPeer> {
    const peer = new RawPeer(url)
    await peer.opened()
    peer.send({ type: 'signal.join', protocol: protocolVersion, room, peer: tab(id), token })
    await peer.next('signal.welcome')
    return peer
  }

  async opened(): Promise<this> {
    const status = await this.status
    if (status !== 101) throw new Error(`the upgrade was answered with ${status}`)
    return this
  }

  send(message: Message): void {
    this.socket.send(encodeMessage(message))
  }

  /** Takes the next message of a type that meets `wanted`, in the order they came; waits for it. */
  async next<Type extends Message['type']>(
    type: Type,
    wanted: (message: Typed<Type>) => boolean = () => true,
  ): Promise<Typed<Type>> {
    const deadline = performance.now() + patience
    for (;;) {
      const index = this.got.findIndex((message) => message.type === type && wanted(message as Typed<Type>))
      if (index >= 0) return this.got.splice(index, 1)[0] as Typed<Type>
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

  /** A question and its answer: whatever was sent before has been dealt with when this resolves. */
  async settled(): Promise<void> {
    this.send({ type: 'signal.ping' })
    await this.next('signal.pong')
  }

  close(): void {
    this.socket.close()
  }

  /** Goes without a word, as a killed tab does. */
  kill(): void {
    this.socket.terminate()
  }
}
