import type { Runtime } from '../runtime/index.js'
import type { ThreadPort, ThreadPortEvents } from '../threads/index.js'
import { checkStart } from './check-start.js'
import { type CheckedChild, isLauncher, type Launcher, type SupervisingWorld } from './child-spec.js'
import { shutdown } from './exit.js'
import type { ArgsOf, GenServerClass } from './gen-server.js'
import { homes, LocalSystem } from './local-system.js'
import type { Process } from './process.js'
import type { ProcessRef, ViaName } from './ref.js'
import type { StartResult } from './server-world.js'
import { SupervisorServer } from './supervisor-server.js'

export interface ProcessSystemOptions {
  readonly runtime: Runtime
  /** Wraps what the factory of `worker(…)` made; without it there are no workers. */
  readonly threads?: (worker: unknown, events: ThreadPortEvents) => ThreadPort
  /** Runs a function soon, with the stack empty; a microtask when not given. The simulator gives its own. */
  readonly defer?: (run: () => void) => void
  /** How many threads the machine runs at once, for partitions; 4 when not given. */
  readonly parallelism?: number
}

/** How a process is started. */
export interface StartOptions<Class extends GenServerClass = GenServerClass> {
  /** What `init` gets. */
  readonly args?: ArgsOf<Class>
  /**
   * Registered for the process before `init` runs, and free again when it ends. In a mesh all peers
   * are told, for which there are 8 s besides those of `init`.
   */
  readonly name?: string | ViaName
  /** Milliseconds that `init` may take; 5,000 when not given. */
  readonly timeout?: number
}

/** The system that made a ref; undefined for a copy of one, which any system may take. */
export function systemOf(ref: unknown): ProcessSystem | undefined {
  return typeof ref === 'object' && ref !== null ? find(ref) : undefined
}

function find(ref: object): ProcessSystem | undefined {
  const home = homes.get(ref)
  return home instanceof ProcessSystem ? home : undefined
}

/** The processes of one page, with supervisors and threads: all of them where the page is in no mesh. */
export class ProcessSystem extends LocalSystem implements SupervisingWorld {
  /** How many threads the machine runs at once. */
  readonly parallelism: number
  readonly #threads: ProcessSystemOptions['threads']

  /** @param self - the peer that the refs name; empty for a page in no mesh */
  constructor(options: ProcessSystemOptions, self?: string) {
    super(options, self)
    this.#threads = options.threads
    this.parallelism = options.parallelism ?? 4
  }

  /** Ends every process of this page at once. */
  close(): void {
    for (const process of [...this.processes.values()]) process.end(shutdown)
  }

  /**
   * Starts a process; resolves when its `init` is done and all peers know its name.
   *
   * @throws {InvalidOption}
   * @throws {ExitError} with what `init` threw, `timeout` where that or the name took too long,
   * `already_started` when the name is taken, or `normal` when `init` returned `IGNORE`
   */
  async start<Class extends GenServerClass>(
    server: Class | Launcher,
    options: StartOptions<Class> = {},
  ): Promise<ProcessRef> {
    const { args, name, timeout } = checkStart(options)
    if (!isLauncher(server)) {
      return this.started(server.name, (done) => this.launchClass(server, { args, name, timeout }, done))
    }
    return this.started(server.label, (done) => server.launch(this, { args, name, timeout }, done))
  }

  /** Starts what a child's spec says, linked to its supervisor. */
  launchChild(supervisor: Process, spec: CheckedChild, done: (result: StartResult) => void): void {
    if ('supervisor' in spec) {
      const server = new SupervisorServer(this, spec.supervisor)
      const { name } = spec.supervisor
      const timeout = Number.POSITIVE_INFINITY
      this.launchServer(server, 'supervisor', { name, parent: supervisor, timeout }, done)
      return
    }
    const options = { name: spec.name, parent: supervisor, timeout: spec.timeout }
    const { start } = spec
    if ('launch' in start) {
      start.launch(this, options, done)
      return
    }
    const [Class, args] = start
    this.launchClass(Class, { ...options, args }, done)
  }

  /** Wraps a worker of the platform. */
  openThread(worker: unknown, events: ThreadPortEvents): ThreadPort {
    if (this.#threads === undefined) throw new Error('this system was made without threads')
    return this.#threads(worker, events)
  }
}
