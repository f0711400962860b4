import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'

/** Nothing is written to it, and both that it prints on are read. */
type Child = ChildProcessByStdio<null, Readable, Readable>

/** A process that was started: what it has printed so far, and the code that it ends with. */
export interface StartedProcess {
  readonly child: Child
  readonly printed: { readonly out: string; readonly error: string }
  readonly ended: Promise<number | null>
}

/** Processes of the test that runs, ended with it whatever it comes to. */
export class StartedProcesses {
  readonly #running = new Set<Child>()

  /** @param options - its environment, whole, and where it runs; default: where the tests do */
  start(
    program: string,
    parameters: readonly string[],
    options: { readonly env: NodeJS.ProcessEnv; readonly cwd?: string },
  ): StartedProcess {
    const child = spawn(program, parameters, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#running.add(child)
    const printed = { out: '', error: '' }
    child.stdout.on('data', (text: Buffer) => {
      printed.out += text
    })
    child.stderr.on('data', (text: Buffer) => {
      printed.error += text
    })
    const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
    return { child, printed, ended }
  }

  /** Ends them all, for the next test. */
  kill(): void {
    for (const child of this.#running) child.kill('SIGKILL')
    this.#running.clear()
  }
}
