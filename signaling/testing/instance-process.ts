import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { SignalOptions } from '../options.js'

/** A signalling server in a process of its own, to be killed. */
export class InstanceProcess {
  readonly url: string
  readonly #child: ChildProcess

  private constructor(url: string, child: ChildProcess) {
    this.url = url
    this.#child = child
  }

  static start(options: SignalOptions): Promise<InstanceProcess> {
    const script = fileURLToPath(new URL('./run-instance.mjs', import.meta.url))
    const child = spawn(process.execPath, ['--expose-gc', script, JSON.stringify({ port: 0, ...options })], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    return new Promise((resolve, reject) => {
      child.once('error', reject)
      child.once('exit', (code) => reject(new Error(`the instance ended with ${code}`)))
      child.stdout?.once('data', (line: Buffer) =>
        resolve(new InstanceProcess(line.toString().trim(), child)),
      )
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Bytes that it keeps, after a collection of garbage. */
  kept(): Promise<number> {
    return new Promise((resolve) => {
      this.#child.stdout?.once('data', (line: Buffer) => resolve(Number(line.toString())))
      this.#child.kill('SIGUSR2')
    })
  }

  /** Ends it as a crash would, or as an orchestrator does. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill(signal)
    await ended
  }
}
