import { type SignalServer, type StartSignalOptions, startSignalServer } from '../server.js'

/** One line of a server's log. */
export interface LogLine {
  readonly level: string
  readonly message: string
  readonly details: Readonly<Record<string, unknown>>
}

/** The servers of one test, on free ports, and what they wrote into their logs. */
export class StartedServers {
  readonly lines: LogLine[] = []
  readonly #servers: SignalServer[] = []

  async start(options: StartSignalOptions = {}): Promise<SignalServer> {
    const server = await startSignalServer({
      port: 0,
      drainMilliseconds: 500,
      log: (level, message, details = {}) => this.lines.push({ level, message, details }),
      ...options,
    })
    this.#servers.push(server)
    return server
  }

  /** The reasons of the refusals in the log. */
  get refusals(): unknown[] {
    return this.lines.flatMap(({ details }) => ('reason' in details ? [details.reason] : []))
  }

  /** Ends them all, for the next test. */
  async close(): Promise<void> {
    await Promise.all(this.#servers.splice(0).map((server) => server.close()))
    this.lines.length = 0
  }
}
