import { WebSocket } from 'ws'

/** Longer than anything takes that works, on a busy machine. */
const patience = 60_000

/** The message of a type; where types are not told apart, any. */
type OfType<Message, Type> = [Extract<Message, { type: Type }>] extends [never]
  ? Message
  : Extract<Message, { type: Type }>

/** A client of bare frames over `ws`: keeps what it got, and waits for what has not come. */
export abstract class RawSocket<Message extends { readonly type: string }> {
  readonly socket: WebSocket
  readonly got: Message[] = []
  /** The code that the socket was closed with. */
  readonly closed: Promise<number>
  /** The HTTP status of a refused upgrade, 101 when it was not, 0 when nobody answered. */
  readonly status: Promise<number>
  #waiting: (() => void)[] = []

  constructor(url: string, headers: Record<string, string>, protocols: string[] = []) {
    this.socket = new WebSocket(url, protocols, { headers, perMessageDeflate: false })
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
      this.got.push(this.read(data as Buffer))
      for (const wake of this.#waiting.splice(0)) wake()
    })
  }

  protected abstract read(frame: Buffer): Message

  /** Takes the next message of a type that meets `wanted`, in the order they came; waits for it. */
  async next<Type extends Message['type']>(
    type: Type,
    wanted: (message: OfType<Message, Type>) => boolean = () => true,
  ): Promise<OfType<Message, Type>> {
    type Typed = OfType<Message, Type>
    const deadline = performance.now() + patience
    for (;;) {
      const index = this.got.findIndex((message) => message.type === type && wanted(message as Typed))
      if (index >= 0) return this.got.splice(index, 1)[0] as Typed
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
