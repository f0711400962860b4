import { type SignalServer, startSignalServer } from '../../signaling/index.js'
import type { Trace } from './trace.js'

/** The cluster's own signalling server, which a test may stop and start again. */
export class SignalControl {
  #server: SignalServer | undefined
  readonly #trace: Trace
  #port = 0

  /** @internal */
  constructor(trace: Trace) {
    this.#trace = trace
  }

  /** Where peers join. */
  get url(): string {
    return `ws://127.0.0.1:${this.#port}`
  }

  /** Starts it, on the same port as before. */
  async start(): Promise<void> {
    this.#server ??= await startSignalServer({ port: this.#port })
    this.#port = this.#server.port
    this.#trace.add('signal', 'started', this.url)
  }

  /** Ends it at once, as a crash does. */
  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server !== undefined) this.#trace.add('signal', 'is stopped')
    await server?.close()
  }
}
