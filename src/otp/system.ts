import * as v from 'valibot'
import { checkOptions, InvalidOption } from '../errors/index.js'
import type { Cluster } from '../mesh/index.js'
import type { Runtime } from '../runtime/index.js'
import type { ThreadPort, ThreadPortEvents } from '../threads/index.js'
import { packValue, unpackValue } from '../wire/index.js'
import { type CallOptions, defaultTimeout, type StopOptions } from './call-options.js'
import { type CallOutcome, Calls } from './calls.js'
import type { CheckedChild } from './child-spec.js'
import { ExitError, type ExitReason, type GivenReason, noproc, shutdown, toReason } from './exit.js'
import { From } from './from.js'
import { type ArgsOf, GenServer, type GenServerClass, type SystemInfo } from './gen-server.js'
import { isLauncher, type Launcher, type LaunchOptions } from './launcher.js'
import { Names } from './names.js'
import { type DefineProcessOptions, Placement, placedStartTimeout } from './placement.js'
import { Process } from './process.js'
import { PlacedRef, ProcessRef, type Target } from './ref.js'
import { Remote } from './remote.js'
import { Scheduler } from './scheduler.js'
import { ServerProcess, type ServerWorld, type StartResult } from './server-process.js'
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
  readonly name?: string
  /** Milliseconds that `init` may take; 5,000 when not given. */
  readonly timeout?: number
}

const milliseconds = v.pipe(
  v.number('must be a number of milliseconds'),
  v.minValue(0, 'must be 0 ms or more'),
)
const callOptions = v.strictObject({ timeout: v.optional(milliseconds, defaultTimeout) })
const startOptions = v.strictObject({
  args: v.optional(v.unknown()),
  name: v.optional(
    v.pipe(
      v.string('must be a string'),
      v.minLength(1, 'must not be empty'),
      v.maxLength(1024, 'must be at most 1,024 characters long'),
    ),
  ),
  timeout: v.optional(milliseconds),
})

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

const homes = new WeakMap<object, ProcessSystem>()

/** The system that made a ref; undefined for a copy of one, which any system may take. */
export function systemOf(ref: unknown): ProcessSystem | undefined {
  return typeof ref === 'object' && ref !== null ? homes.get(ref) : undefined
}

/** All processes of one page, and their ways to each other. One for each mesh, and one for a page without. */
export class ProcessSystem implements ServerWorld {
  readonly runtime: Runtime
  readonly scheduler: Scheduler
  current: Process | undefined
  /** How many threads the machine runs at once. */
  readonly parallelism: number
  readonly #threads: ProcessSystemOptions['threads']
  readonly #processes = new Map<string, Process>()
  readonly #names: Names
  readonly #self: string
  readonly #cluster: Cluster | undefined
  readonly #remote: Remote | undefined
  readonly #placement: Placement | undefined
  readonly #trees: Trees
  readonly #calls: Calls
  readonly #closes: (() => void)[] = []
  #nextProcess = 1

  constructor(options: ProcessSystemOptions) {
    this.runtime = options.runtime
    this.#threads = options.threads
    this.parallelism = options.parallelism ?? 4
    this.scheduler = new Scheduler(options.runtime, options.defer)
    this.#calls = new Calls(options.runtime)
    const { cluster } = options
    this.#cluster = cluster
    this.#self = cluster?.self ?? ''
    const local = (id: string): Process | undefined => this.#processes.get(id)
    this.#names = new Names(
      {
        runtime: options.runtime,
        local,
        lost: (process, name, survivor) => this.#lost(process, name, survivor),
      },
      cluster,
    )
    this.#trees = new Trees(this.#processes, cluster)
    if (cluster === undefined) return
    const world = {
      local,
      request: (target: Target, request: unknown, timeout: number, settle: (outcome: CallOutcome) => void) =>
        this.request(target, request, timeout, settle),
      settleCall: (id: number, reason: ExitReason) => this.settleCall(id, reason),
      answerCall: (id: number, value: unknown) => this.#calls.settle(id, { ok: true, value }),
      soon: (act: () => void) => this.soon(act),
    }
    const remote = new Remote(cluster, world)
    this.#remote = remote
    this.#placement = new Placement(
      cluster,
      {
        request: world.request,
        soon: world.soon,
        settle: (call, outcome) => this.#calls.settle(call, outcome),
        hold: (peer, id) => {
          const call = this.#calls.get(id)
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
    return this.#names.entries()
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
    for (const process of [...this.#processes.values()]) process.end(shutdown)
    this.#placement?.close()
    this.#remote?.close()
    this.#names.close()
    this.#trees.close()
    for (const close of this.#closes.splice(0)) close()
  }

  /** How many processes live here. */
  get size(): number {
    return this.#processes.size
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
    return this.#start(server, options, undefined)
  }

  /** Asks a process and waits for its answer. @throws {ExitError} at once when it ends, `timeout` when it takes too long */
  async call(target: Target, request: unknown, options: CallOptions = {}): Promise<unknown> {
    return this.#callAs(this.current, target, request, options)
  }

  /** Asks by callback; for those who must not wait by promises. Returns the way to give the call up. */
  request(
    target: Target,
    request: unknown,
    timeout: number,
    settle: (outcome: CallOutcome) => void,
  ): () => void {
    const call = this.#calls.open(timeout, settle)
    const fail = (reason: ExitReason): void => this.#calls.settle(call.id, { ok: false, reason })
    const route = this.#route(target)
    try {
      if (route === undefined) this.soon(() => fail(noproc))
      else if (route instanceof Process) {
        if (route.alive) {
          route.hold(call)
          route.deliver({ kind: 'call', request, from: new From(this.#self, call.id, this.#answer) })
        } else this.soon(() => fail(noproc))
      } else if ('placed' in route) this.#placement?.send(route, 'call', request, call, timeout)
      else this.#remote?.call(route, request, timeout, call)
    } catch (error) {
      // What cannot be packed, or a thread's full queue: the caller's error, not the process's.
      this.soon(() => fail(toReason(error)))
    }
    return () => fail({ type: 'timeout', after: 0 })
  }

  /**
   * Tells a process something; succeeds in silence also when there is none.
   *
   * @throws {InvalidOption} when it is on another peer, and the message cannot be packed
   */
  cast(target: Target, message: unknown): void {
    this.#tell(target, 'cast', message)
  }

  /** Puts a message into a process's mailbox, for its `handleInfo`; as {@link cast} otherwise. */
  send(target: Target, message: unknown): void {
    this.#tell(target, 'info', message)
  }

  /** Answers a call that was not answered by its handler's return. `from` may be a copy, and of a call from another peer. */
  reply(from: From | { readonly peer: string; readonly call: number }, value: unknown): void {
    if (from.peer === this.#self) this.#calls.settle(from.call, { ok: true, value })
    else this.#remote?.reply(from.peer, from.call, value)
  }

  /**
   * Has a process run `terminate` and end, after the messages that wait already; resolves when it has ended.
   *
   * @throws {ExitError} `noproc`; `timeout`; the reason when it ended with another one
   */
  async stop(target: Target, reason: GivenReason = 'normal', options: StopOptions = {}): Promise<void> {
    const { timeout } = checkOptions(callOptions, options, 'stop')
    const wanted = toReason(reason)
    const route = this.#processRoute(target)
    if (route === undefined) throw new ExitError(noproc, 'stop')
    if (route === this.current) throw new ExitError({ type: 'calling_self' }, 'stop')
    await new Promise<void>((resolve, reject) => {
      const timer =
        timeout === Number.POSITIVE_INFINITY
          ? undefined
          : this.runtime.timer(timeout, () => {
              demonitor()
              reject(new ExitError({ type: 'timeout', after: timeout }, 'stop'))
            })
      const demonitor = this.monitor(target, (ended) => {
        timer?.cancel()
        if (ended.type === wanted.type) resolve()
        else reject(new ExitError(ended, 'stop'))
      })
      if (route instanceof Process) route.deliver({ kind: 'stop', reason: wanted })
      else this.#remote?.stop(route, wanted)
    })
  }

  /**
   * Sends an exit signal, as `Process.exit/2`: `killed` cannot be trapped; `normal` is ignored by
   * those that do not trap.
   */
  exit(target: Target, reason: GivenReason): void {
    const from = this.current?.ref ?? outside
    const route = this.#processRoute(target)
    if (route instanceof Process) route.signal(from, toReason(reason))
    else if (route !== undefined) this.#remote?.exit(from.id, route, toReason(reason), false)
  }

  /** Calls `down` once when the process ends, soon if it has already. Returns the way back. */
  monitor(target: Target, down: (reason: ExitReason) => void): () => void {
    const route = this.#processRoute(target)
    if (route instanceof Process) return route.monitor(down)
    let active = true
    const once = (reason: ExitReason): void => {
      if (active) down(reason)
    }
    if (route !== undefined && this.#remote !== undefined) return this.#remote.monitor(route, down)
    this.soon(() => once(noproc))
    return () => {
      active = false
    }
  }

  /** Ties the fates of two processes; one of them must be of this page. */
  link(a: Target, b: Target): void {
    const first = this.localProcess(a)
    const second = this.localProcess(b)
    if (first !== undefined) this.linkTo(first, b)
    else if (second !== undefined) this.linkTo(second, a)
  }

  unlink(a: Target, b: Target): void {
    const first = this.localProcess(a)
    const second = this.localProcess(b)
    const other = this.#processRoute(first === undefined ? a : b)
    const here = first ?? second
    if (here !== undefined && other !== undefined) here.unlink(other instanceof Process ? other.ref : other)
  }

  /** The process that a name is registered for, anywhere in the mesh. */
  whereis(name: string): ProcessRef | undefined {
    const ref = this.#names.lookup(name)
    if (ref !== undefined && !homes.has(ref)) homes.set(ref, this)
    return ref
  }

  /** Calls made here that wait for their answer, those on behalf of other peers included. */
  get waitingCalls(): number {
    return this.#calls.size
  }

  /** Whether a process of this page lives. */
  alive(target: Target): boolean {
    return this.localProcess(target)?.alive === true
  }

  // What the files of this room use among themselves.

  /** The process of this page that a target means now. */
  localProcess(target: Target): Process | undefined {
    const route = this.#processRoute(target)
    return route instanceof Process ? route : undefined
  }

  /** Starts a server that was made already. */
  launchServer(
    server: GenServer,
    kind: 'worker' | 'supervisor',
    options: LaunchOptions,
    done: (result: StartResult) => void,
  ): ServerProcess {
    const parent = options.parent?.ref ?? options.parentRef
    const process = new ServerProcess(this, this.newRef(), server, { kind, parent })
    this.admit(process, options, done, () =>
      process.begin(options.args, options.snapshot, options.timeout ?? defaultTimeout, done),
    )
    return process
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

  /** Gives a new process its place: in the table, under its name, linked to its parent. Then begins it, or tells why not. */
  admit(
    process: Process,
    options: LaunchOptions,
    done: (result: StartResult) => void,
    begin: () => void,
  ): void {
    const { name, parent } = options
    this.#processes.set(process.ref.id, process)
    if (parent !== undefined) {
      process.link(parent)
      parent.link(process)
    }
    if (name === undefined) {
      begin()
      return
    }
    this.#names.claim(name, process, (holder) => {
      if (holder === undefined && process.alive) {
        begin()
        return
      }
      if (parent !== undefined) process.unlink(parent.ref)
      const reason: ExitReason =
        holder === undefined ? (process.reason ?? noproc) : { type: 'already_started', ref: holder }
      process.end(reason)
      done({ kind: 'failed', reason })
    })
  }

  newRef(): ProcessRef {
    const ref = new ProcessRef(this.#self, String(this.#nextProcess++))
    homes.set(ref, this)
    return ref
  }

  /** Wraps a worker of the platform. */
  openThread(worker: unknown, events: ThreadPortEvents): ThreadPort {
    if (this.#threads === undefined) throw new Error('this system was made without threads')
    return this.#threads(worker, events)
  }

  /** A process of this page by its ref. @throws {ExitError} `noproc` */
  processOf(ref: ProcessRef): Process {
    const process = this.#processes.get(ref.id)
    if (process === undefined) throw new ExitError(noproc)
    return process
  }

  callFrom(caller: Process, target: Target, request: unknown, options: CallOptions = {}): Promise<unknown> {
    return this.#callAs(caller, target, request, options)
  }

  startFrom(
    parent: Process,
    server: GenServerClass,
    options: { args?: unknown; name?: string; timeout?: number },
  ): Promise<ProcessRef> {
    return this.#start(server, options, parent)
  }

  linkTo(process: Process, target: Target): void {
    const other = this.#processRoute(target)
    if (other === process) return
    if (other === undefined) process.exited(outside, noproc)
    else if (other instanceof Process) {
      other.link(process)
      process.link(other)
    } else this.#remote?.link(process, other)
  }

  refuse(from: From, reason: ExitReason): void {
    if (from.peer === this.#self) this.#calls.settle(from.call, { ok: false, reason })
    else this.#remote?.settleRemotely(from.peer, from.call, { ok: false, reason })
  }

  settleCall(id: number, reason: ExitReason): void {
    this.#calls.settle(id, { ok: false, reason })
  }

  soon(act: () => void): void {
    this.scheduler.soon(act)
  }

  ended(process: Process): void {
    this.#processes.delete(process.ref.id)
    this.#names.release(process)
  }

  readonly #answer = (from: From, value: unknown): void => this.reply(from, value)

  async #start(
    server: GenServerClass | Launcher,
    options: unknown,
    parent: Process | undefined,
  ): Promise<ProcessRef> {
    const { args, name, timeout } = checkOptions(startOptions, options, 'start')
    const launching = { args, name, parent }
    return new Promise((resolve, reject) => {
      const label = isLauncher(server) ? server.label : server.name
      const done = (result: StartResult): void => {
        if (result.kind === 'ok') resolve(result.process.ref)
        else if (result.kind === 'failed') reject(new ExitError(result.reason, `${label} did not start`))
        else reject(new ExitError({ type: 'normal' }, `${label} ignored its start`))
      }
      if (isLauncher(server)) server.launch(this, { ...launching, timeout }, done)
      else if (typeof server === 'function' && server.prototype instanceof GenServer)
        this.launchServer(new server(), 'worker', { ...launching, timeout: timeout ?? defaultTimeout }, done)
      else
        throw new InvalidOption(
          'start.server',
          server,
          'must be a class that extends GenServer, or worker(…)',
        )
    })
  }

  #callAs(
    caller: Process | undefined,
    target: Target,
    request: unknown,
    options: CallOptions,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timeout = options.timeout ?? defaultTimeout
      // The full check builds objects; calls are made by the hundred thousand.
      if (!(timeout >= 0)) checkOptions(callOptions, options, 'call')
      if (caller !== undefined && this.#route(target) === caller) {
        reject(new ExitError({ type: 'calling_self' }, 'call'))
        return
      }
      this.request(target, request, timeout, (outcome) => {
        if (outcome.ok) resolve(outcome.value)
        else reject(new ExitError(outcome.reason, 'call'))
      })
    })
  }

  #tell(target: Target, kind: 'cast' | 'info', message: unknown): void {
    const route = this.#route(target)
    if (route === undefined) return
    if (route instanceof Process) route.deliver({ kind, message })
    else if ('placed' in route) this.#placement?.send(route, kind, message)
    else this.#remote?.cast(route, message, kind === 'info')
  }

  /** Where a message to `target` goes: into a mailbox here, to another peer, or by placement. */
  #route(target: Target): Process | ProcessRef | PlacedRef | undefined {
    if (typeof target === 'string') {
      const ref = this.#names.lookup(target)
      return ref === undefined ? undefined : this.#route(ref)
    }
    if ('placed' in target) return this.#placement === undefined ? undefined : target
    if (target.peer === this.#self) return this.#processes.get(target.id)
    return this.#remote === undefined ? undefined : target
  }

  /** As `#route`, with the process that a placed ref means at the moment. */
  #processRoute(target: Target): Process | ProcessRef | undefined {
    const route = this.#route(target)
    if (route === undefined || !('placed' in route)) return route
    const ref = this.#placement?.whereis(route)
    return ref === undefined ? undefined : (this.#route(ref) as Process | ProcessRef | undefined)
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

/** Stands for the page's own code, which is no process. */
const outside = new ProcessRef('', '0')
