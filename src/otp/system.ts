import * as v from 'valibot'
import { checkOptions } from '../errors/index.js'
import type { Cluster } from '../mesh/index.js'
import type { Runtime } from '../runtime/index.js'
import type { ThreadPort, ThreadPortEvents } from '../threads/index.js'
import { packValue, unpackValue } from '../wire/index.js'
import { defaultTimeout } from './call-options.js'
import type { CallOutcome } from './calls.js'
import { checkStart } from './check-start.js'
import type { CheckedChild } from './child-spec.js'
import { ExitError, type ExitReason, shutdown, toReason } from './exit.js'
import { type ArgsOf, GenServer, type GenServerClass, type SystemInfo } from './gen-server.js'
import { isLauncher, type Launcher } from './launcher.js'
import { homes, LocalSystem, outside } from './local-system.js'
import { Names } from './names.js'
import type { DefineProcessOptions } from './placed-definition.js'
import { placedStartTimeout } from './placed-instance.js'
import { Placement } from './placement.js'
import type { Process } from './process.js'
import { PlacedRef, type ProcessRef, type Target, type ViaName } from './ref.js'
import { Remote } from './remote.js'
import type { StartResult } from './server-world.js'
import type { SnapshotStore } from './snapshot-store.js'
import { SupervisorServer } from './supervisor-server.js'
import { type PeerTrees, type TreeNode, Trees } from './trees.js'

export interface ProcessSystemOptions {
  readonly runtime: Runtime
  /** Wraps what the factory of `worker(…)` made; without it there are no workers. */
  readonly threads?: (worker: unknown, events: ThreadPortEvents) => ThreadPort
  /** Runs a function soon, with the stack empty; a microtask when not given. The simulator gives its own. */
  readonly defer?: (run: () => void) => void
  /** The mesh that this page is in; without it names and refs are the page's own. */
  readonly cluster?: Cluster
  /** Where placed processes keep their snapshots; without it they do not outlive a crash of their peer. */
  readonly snapshots?: SnapshotStore
  /** How many threads the machine runs at once, for partitions; 4 when not given. */
  readonly parallelism?: number
}

export interface StartOptions<Class extends GenServerClass = GenServerClass> {
  readonly args?: ArgsOf<Class>
  /** Registered for the process before `init` runs, and free again when it ends. */
  readonly name?: string | ViaName
  /** Milliseconds that `init` may take; 5,000 when not given. */
  readonly timeout?: number
}

const milliseconds = v.pipe(
  v.number('must be a number of milliseconds'),
  v.minValue(0, 'must be 0 ms or more'),
)
const placedName = v.pipe(
  v.string('must be a string'),
  v.minLength(1, 'must not be empty'),
  v.maxLength(1024, 'must be at most 1,024 characters long'),
)
const placeOptions = v.strictObject({ name: placedName, key: placedName })
const defineOptions = v.strictObject({
  name: placedName,
  server: v.custom<GenServerClass>(
    (given) => typeof given === 'function' && given.prototype instanceof GenServer,
    'must be a class that extends GenServer',
  ),
  snapshotEvery: v.optional(milliseconds),
})

/** The system that made a ref; undefined for a copy of one, which any system may take. */
export function systemOf(ref: unknown): ProcessSystem | undefined {
  return typeof ref === 'object' && ref !== null ? find(ref) : undefined
}

function find(ref: object): ProcessSystem | undefined {
  const home = homes.get(ref)
  return home instanceof ProcessSystem ? home : undefined
}

/** All processes of one page, and their ways to each other. One for each mesh, and one for a page without. */
export class ProcessSystem extends LocalSystem {
  /** How many threads the machine runs at once. */
  readonly parallelism: number
  readonly #threads: ProcessSystemOptions['threads']
  readonly #cluster: Cluster | undefined
  readonly #remote: Remote | undefined
  readonly #meshNames: Names | undefined
  readonly #placement: Placement | undefined
  readonly #trees: Trees
  readonly #closes: (() => void)[] = []

  constructor(options: ProcessSystemOptions) {
    super(options, options.cluster?.self)
    this.#threads = options.threads
    this.parallelism = options.parallelism ?? 4
    const { cluster } = options
    this.#cluster = cluster
    this.#trees = new Trees(this.processes, cluster)
    if (cluster === undefined) return
    const local = (id: string): Process | undefined => this.processes.get(id)
    this.#meshNames = new Names(
      {
        runtime: options.runtime,
        local,
        lost: (process, name, survivor) => this.#lost(process, name, survivor),
      },
      cluster,
    )
    this.table = this.#meshNames
    const world = {
      local,
      request: (target: Target, request: unknown, timeout: number, settle: (outcome: CallOutcome) => void) =>
        this.request(target, request, timeout, settle),
      settleCall: (id: number, reason: ExitReason) => this.settleCall(id, reason),
      answerCall: (id: number, value: unknown) => this.calls.settle(id, { ok: true, value }),
      soon: (act: () => void) => this.soon(act),
    }
    const remote = new Remote(cluster, world)
    this.#remote = remote
    const placement = new Placement(
      cluster,
      {
        request: world.request,
        soon: world.soon,
        settle: (call, outcome) => this.calls.settle(call, outcome),
        hold: (peer, id) => {
          const call = this.calls.get(id)
          if (call !== undefined) remote.hold(peer, call)
        },
        signal: (process, reason) => process.signal(outside, reason),
        launchPlaced: (server, args, snapshot, done) => {
          const options = { args, snapshot, timeout: placedStartTimeout, parentRef: outside }
          return this.launchServer(new server(), 'worker', options, done)
        },
      },
      options.snapshots,
    )
    this.#placement = placement
    this.away = {
      call(route, request, timeout, call) {
        if ('placed' in route) placement.send(route, 'call', request, call, timeout)
        else remote.call(route, request, timeout, call)
      },
      tell(route, kind, message) {
        if ('placed' in route) placement.send(route, kind, message)
        else remote.cast(route, message, kind === 'info')
      },
      reply: (peer, call, value) => remote.reply(peer, call, value),
      refuse: (peer, call, reason) => remote.settleRemotely(peer, call, { ok: false, reason }),
      stop: (ref, reason) => remote.stop(ref, reason),
      exit: (from, ref, reason) => remote.exit(from, ref, reason, false),
      monitor: (ref, down) => remote.monitor(ref, down),
      link: (process, ref) => remote.link(process, ref),
      whereis: (ref) => placement.whereis(ref),
    }
    this.#closes.push(
      cluster.serve('process.merge', ({ process, snapshot }, request) => {
        local(process)?.deliver({ kind: 'merge', snapshot: unpackValue(snapshot) })
        request.reply({ type: 'process.taken' })
      }),
    )
  }

  /** Lets this peer host processes that are placed under `name`. Every peer that may host them calls it, at the start. */
  define(name: string, server: GenServerClass, options: DefineProcessOptions = {}): void {
    const checked = checkOptions(defineOptions, { name, server, ...options }, 'define')
    this.#placed('define').define(checked.name, checked.server, options)
  }

  /**
   * Has the process that is defined under `name` run for `key`, on the ring owner of the key; the
   * same call from anywhere gives the same process. Its `init` gets `args` the first time, and its
   * last snapshot after every move or crash.
   *
   * @throws {ExitError} what its `init` threw, or that no peer has defined it
   */
  async place(name: string, key: string, args?: unknown): Promise<PlacedRef> {
    checkOptions(placeOptions, { name, key }, 'place')
    const placement = this.#placed('place')
    return new Promise((resolve, reject) => {
      placement.place(name, key, args, (reason) => {
        if (reason === undefined) {
          const ref = new PlacedRef(name, key)
          homes.set(ref, this)
          resolve(ref)
        } else reject(new ExitError(reason, `place ${name} for ${key}`))
      })
    })
  }

  /** The placed processes that run on this peer now. */
  placed(): { placed: string; key: string; epoch: number; ref: ProcessRef | undefined }[] {
    return this.#placement?.instances() ?? []
  }

  /** The names of the whole mesh and their holders, in the order of the names. */
  names(): [name: string, ref: ProcessRef][] {
    return this.table.entries()
  }

  /** The supervision trees of this page. */
  localTrees(): TreeNode[] {
    return this.#trees.local()
  }

  /** The supervision trees of every peer that answers in time. */
  tree(): Promise<PeerTrees[]> {
    return this.#trees.all()
  }

  /** Ends every process of this page at once and lets the mesh go. */
  close(): void {
    for (const process of [...this.processes.values()]) process.end(shutdown)
    this.#placement?.close()
    this.#remote?.close()
    this.#meshNames?.close()
    this.#trees.close()
    for (const close of this.#closes.splice(0)) close()
  }

  /**
   * Starts a process; resolves when its `init` is done.
   *
   * @throws {InvalidOption}
   * @throws {ExitError} with what `init` threw, `timeout`, `already_started` when the name is taken,
   * or `normal` when `init` returned `IGNORE`
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
    let server: GenServer
    try {
      server = new Class()
    } catch (thrown) {
      done({ kind: 'failed', reason: toReason(thrown) })
      return
    }
    this.launchServer(server, 'worker', { ...options, args }, done)
  }

  /** Wraps a worker of the platform. */
  openThread(worker: unknown, events: ThreadPortEvents): ThreadPort {
    if (this.#threads === undefined) throw new Error('this system was made without threads')
    return this.#threads(worker, events)
  }

  #placed(call: string): Placement {
    if (this.#placement === undefined)
      throw new ExitError({ type: 'error', name: 'NoMesh', message: `${call} needs a mesh` })
    return this.#placement
  }

  /** A name was found on both sides after a partition, and this process is not the one that keeps it. */
  #lost(process: Process, name: string, survivor: ProcessRef): void {
    const reason: ExitReason = { type: 'shutdown', detail: { nameConflict: name, survivor } }
    const stop = (): void => process.deliver({ kind: 'stop', reason })
    process.deliver({ kind: 'info', message: { type: 'name_conflict', name, survivor } satisfies SystemInfo })
    process.deliver({
      kind: 'snapshot',
      done: (snapshot) => {
        if (snapshot === undefined || this.#cluster === undefined) {
          stop()
          return
        }
        try {
          const message = {
            type: 'process.merge',
            process: survivor.id,
            snapshot: packValue(snapshot),
          } as const
          this.#cluster.request(survivor.peer, message, defaultTimeout, stop)
        } catch (error) {
          this.runtime.log('error', 'a snapshot cannot be packed', { name, error: String(error) })
          stop()
        }
      },
    })
  }
}
