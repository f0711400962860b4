import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface Usage {
  /** Bytes that are kept: heap and buffers after a collection. */
  readonly kept: number
  readonly rss: number
  /** Seconds of CPU since the start. */
  readonly cpu: number
  /** Frames that the server has read, where it says so. */
  readonly frames?: number
}

/** How a worker is started. */
export interface WorkerOptions {
  /** Of Node. */
  readonly flags?: readonly string[]
  /** What it prints goes nowhere. */
  readonly isSilent?: boolean
}

/** A worker of the bench in a process of its own, that answers each message by one. */
export class WorkerProcess {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /** @returns the worker and its first message, which says that it is ready */
  static start(
    file: string,
    { flags = [], isSilent = false }: WorkerOptions = {},
  ): Promise<[worker: WorkerProcess, ready: unknown]> {
    const child = fork(file, {
      execArgv: ['--expose-gc', ...flags],
      ...(isSilent && { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] }),
    })
    return new Promise((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`${file} ended with ${code}`)))
      child.once('message', (message) => resolve([new WorkerProcess(child), message]))
    })
  }

  ask(question: unknown): Promise<unknown> {
    return new Promise((resolve) => {
      this.#child.once('message', resolve)
      this.#child.send(question as string)
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Resident bytes now, read from outside; undefined where the system does not say. */
  get resident(): number | undefined {
    try {
      const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(
        readFileSync(`/proc/${this.#child.pid}/status`, 'utf8'),
      )?.[1]
      return kibibytes === undefined ? undefined : Number(kibibytes) * 1024
    } catch {
      return undefined
    }
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await gone
  }
}

/** One server in a process of its own, fresh for every measurement. */
export class ServerProcess {
  readonly port: number
  readonly worker: WorkerProcess

  private constructor(port: number, worker: WorkerProcess) {
    this.port = port
    this.worker = worker
  }

  static async start(file: string, options: WorkerOptions = {}): Promise<ServerProcess> {
    const [worker, ready] = await WorkerProcess.start(file, options)
    return new ServerProcess((ready as { port: number }).port, worker)
  }

  usage(): Promise<Usage> {
    return this.worker.ask('usage') as Promise<Usage>
  }

  /** The same without a collection before it: nothing stands still for it. */
  glance(): Promise<Usage> {
    return this.worker.ask('glance') as Promise<Usage>
  }

  stop(): Promise<void> {
    return this.worker.stop()
  }
}
