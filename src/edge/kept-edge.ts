import { type ChildProcess, fork } from 'node:child_process'

/** Milliseconds after which another edge worker is started: long enough that the mesh is seen without one. */
const edgeBackAfter = 8_000

/** An edge worker that ended within so many milliseconds would do so again. */
const edgeLastsFor = 2_000

/** Milliseconds that a stopping demo waits for its edge worker to hand over. */
const edgePatience = 12_000

/** The demo's edge worker: a visitor may kill it, and then another takes its place. */
export class KeptEdge {
  readonly #script: string
  readonly #parameters: readonly string[]
  #process: ChildProcess | undefined
  #restart: ReturnType<typeof setTimeout> | undefined
  #isStopping = false

  constructor(script: string, parameters: readonly string[]) {
    this.#script = script
    this.#parameters = parameters
  }

  /** Resolves once it is in its room, or has ended. */
  start(): Promise<void> {
    const began = performance.now()
    const edge = fork(this.#script, this.#parameters, {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    this.#process = edge
    edge.once('exit', (code, signal) => {
      if (this.#isStopping) return
      const lasted = performance.now() - began
      const isKept = lasted > edgeLastsFor
      const outcome = isKept ? 'another takes its place' : 'tabs go on without it'
      console.error(`ringmesh: the edge worker ended with ${signal ?? `code ${code}`}; ${outcome}`)
      if (isKept) this.#restart = setTimeout(() => void this.start(), edgeBackAfter)
    })
    return new Promise((resolve) => {
      edge.once('message', () => resolve())
      edge.once('exit', () => resolve())
    })
  }

  /** Has it hand over what it holds. */
  async stop(): Promise<void> {
    this.#isStopping = true
    clearTimeout(this.#restart)
    const edge = this.#process
    if (edge === undefined || edge.exitCode !== null || edge.signalCode !== null) return
    const gone = new Promise((resolve) => edge.once('exit', resolve))
    edge.kill('SIGTERM')
    await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, edgePatience).unref())])
  }
}
