import { type SignalServer, startSignalServer } from '../../signaling/index.js'

/** The cluster's own signalling server, which a test may stop and start again. */
export class SignalControl {
  #server: SignalServer | undefined
  #port = 0

  /** Where peers join. */
  get url(): string {
    return `ws://127.0.0.1:${this.#port}`
  }

  /** Starts it, on the same port as before. */
  async start(): Promise<void> {
    this.#server ??= await startSignalServer({ port: this.#port })
    this.#port = this.#server.port
  }

  /** Ends it at once, as a crash does. */
  async stop(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    await server?.close()
  }
}
