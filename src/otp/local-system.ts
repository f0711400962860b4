import { InvalidOption } from '../errors/index.js'
import type { Runtime } from '../runtime/index.js'
import { admit } from './admission.js'
import type { Away } from './away.js'
import { type CallOptions, defaultTimeout, type StopOptions } from './call-options.js'
import { type CallOutcome, Calls } from './calls.js'
import { checkOnlyTimeout, checkStart } from './check-start.js'
import { ExitError, type ExitReason, type GivenReason, noproc, toReason } from './exit.js'
import { From } from './from.js'
import { GenServer, type GenServerClass } from './gen-server.js'
import type { LaunchOptions } from './launch-options.js'
import { LocalNames, type NameTable } from './local-names.js'
import { Process } from './process.js'
import { type PlacedRef, ProcessRef, type Target, type ViaName } from './ref.js'
import { Scheduler } from './scheduler.js'
import { ServerProcess } from './server-process.js'
import type { ServerWorld, StartResult } from './server-world.js'
import { untilEnded } from './until-ended.js'

/** The system that made a ref. */
export const homes = new WeakMap<object, LocalSystem>()

/** Stands for the page's own code, which is no process. */
export const outside = new ProcessRef('', '0')

/**
 * The processes of one page or thread and what passes between them: all that a worker's script
 * needs, and so all that it loads. `ProcessSystem` adds supervisors and threads, `MeshProcessSystem` the mesh.
 */
export class LocalSystem implements ServerWorld {
  readonly runtime: Runtime
  readonly scheduler: Scheduler
  current: Process | undefined
  protected readonly self: string
  protected readonly processes = new Map<string, Process>()
  protected readonly calls: Calls
  protected table: NameTable = new LocalNames()
  protected away: Away | undefined
  #nextProcess = 1

  /** @param self - the peer that the refs name; empty for a page in no mesh */
  constructor(options: { runtime: Runtime; defer?: (run: () => void) => void }, self = '') {
    this.runtime = options.runtime
    this.scheduler = new Scheduler(options.runtime, options.defer)
    this.calls = new Calls(options.runtime)
    this.self = self
  }

  /** How many processes live here. */
  get size(): number {
    return this.processes.size
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
    const call = this.calls.open(timeout, settle)
    const fail = (reason: ExitReason): void => this.calls.settle(call.id, { ok: false, reason })
    const route = this.#route(target)
    try {
      if (route === undefined) this.soon(() => fail(noproc))
      else if (route instanceof Process) {
        if (route.alive) {
          route.hold(call)
          route.deliver({ kind: 'call', request, from: new From(this.self, call.id, this.#answer) })
        } else this.soon(() => fail(noproc))
      } else this.away?.call(route, request, timeout, call)
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
    if (typeof from?.call !== 'number')
      throw new InvalidOption('reply.from', from, 'must be what handleCall got')
    if (from.peer === this.self) this.calls.settle(from.call, { ok: true, value })
    else this.away?.reply(from.peer, from.call, value)
  }

  /**
   * Has a process run `terminate` and end, after the messages that wait already; resolves when it has ended.
   *
   * @throws {ExitError} `noproc`; `timeout`; the reason when it ended with another one
   */
  async stop(target: Target, reason: GivenReason = 'normal', options: StopOptions = {}): Promise<void> {
    const timeout = checkOnlyTimeout(options, 'stop')
    const wanted = toReason(reason)
    const route = this.#processRoute(target)
    if (route === undefined) throw new ExitError(noproc, 'stop')
    if (route === this.current) throw new ExitError({ type: 'calling_self' }, 'stop')
    const ended = untilEnded(this.runtime, (down) => this.monitor(target, down), wanted, timeout)
    if (route instanceof Process) route.deliver({ kind: 'stop', reason: wanted })
    else this.away?.stop(route, wanted)
    await ended
  }

  /**
   * Sends an exit signal, as `Process.exit/2`: `kill` cannot be trapped, and the process ends with
   * `killed`, which may be given too; `normal` is ignored by those that do not trap.
   */
  exit(target: Target, reason: GivenReason): void {
    const from = this.current?.ref ?? outside
    const route = this.#processRoute(target)
    const given = toReason(reason)
    // The one case in which OTP does not ignore `normal`: a process that sends it to itself.
    if (route instanceof Process && route === this.current && given.type === 'normal' && !route.trapExit)
      route.end(given)
    else if (route instanceof Process) route.signal(from, given)
    else if (route !== undefined) this.away?.exit(from.id, route, given)
  }

  /** Calls `down` once when the process ends, soon if it has already. Returns the way back. */
  monitor(target: Target, down: (reason: ExitReason) => void): () => void {
    if (typeof down !== 'function') throw new InvalidOption('monitor.down', down, 'must be a function')
    const route = this.#processRoute(target)
    if (route instanceof Process) return route.monitor(down)
    let active = true
    const once = (reason: ExitReason): void => {
      if (active) down(reason)
    }
    if (route !== undefined && this.away !== undefined) return this.away.monitor(route, down)
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
    const ref = this.table.lookup(name)
    if (ref !== undefined && !homes.has(ref)) homes.set(ref, this)
    return ref
  }

  /** Calls made here that wait for their answer, those on behalf of other peers included. */
  get waitingCalls(): number {
    return this.calls.size
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
    this.admit(process, options, done, (begun) =>
      process.begin(options.args, options.snapshot, options.timeout ?? defaultTimeout, begun),
    )
    return process
  }

  /** Gives a new process its place: in the table, under its name, linked to its parent. Then begins it. */
  admit(
    process: Process,
    options: LaunchOptions,
    done: (result: StartResult) => void,
    begin: (begun: (result: StartResult) => void) => void,
  ): void {
    this.processes.set(process.ref.id, process)
    admit(this.table, process, options, done, begin)
  }

  newRef(): ProcessRef {
    const ref = new ProcessRef(this.self, String(this.#nextProcess++))
    homes.set(ref, this)
    return ref
  }

  /** A process of this page by its ref. @throws {ExitError} `noproc` */
  processOf(ref: ProcessRef): Process {
    const process = this.processes.get(ref.id)
    if (process === undefined) throw new ExitError(noproc)
    return process
  }

  callFrom(caller: Process, target: Target, request: unknown, options: CallOptions = {}): Promise<unknown> {
    return this.#callAs(caller, target, request, options)
  }

  async startFrom(
    parent: Process,
    server: GenServerClass,
    options: { args?: unknown; name?: string | ViaName; timeout?: number },
  ): Promise<ProcessRef> {
    const { args, name, timeout } = checkStart(options)
    return this.started(server.name, (done) =>
      this.launchClass(server, { args, name, timeout, parent }, done),
    )
  }

  linkTo(process: Process, target: Target): void {
    const other = this.#processRoute(target)
    if (other === process) return
    if (other === undefined) {
      const isRef = typeof target === 'object' && 'peer' in target
      process.exited(isRef ? target : outside, noproc)
    } else if (other instanceof Process) {
      other.link(process)
      process.link(other)
    } else this.away?.link(process, other)
  }

  refuse(from: From, reason: ExitReason): void {
    if (from.peer === this.self) this.calls.settle(from.call, { ok: false, reason })
    else this.away?.refuse(from.peer, from.call, reason)
  }

  settleCall(id: number, reason: ExitReason): void {
    this.calls.settle(id, { ok: false, reason })
  }

  soon(act: () => void): void {
    this.scheduler.soon(act)
  }

  ended(process: Process): void {
    this.processes.delete(process.ref.id)
    this.table.release(process)
  }

  readonly #answer = (from: From, value: unknown): void => this.reply(from, value)

  /** Starts a class of servers; `options` are checked. */
  protected launchClass(
    server: GenServerClass,
    options: LaunchOptions,
    done: (result: StartResult) => void,
  ): void {
    if (!(typeof server === 'function' && server.prototype instanceof GenServer)) {
      throw new InvalidOption('start.server', server, 'must be a class that extends GenServer, or worker(…)')
    }
    let made: GenServer
    try {
      made = new server()
    } catch (thrown) {
      done({ kind: 'failed', reason: toReason(thrown) })
      return
    }
    this.launchServer(made, 'worker', options, done)
  }

  protected started(
    label: string,
    launch: (done: (result: StartResult) => void) => void,
  ): Promise<ProcessRef> {
    return new Promise((resolve, reject) => {
      launch((result) => {
        if (result.kind === 'ok') resolve(result.process.ref)
        else if (result.kind === 'failed') reject(new ExitError(result.reason, `${label} did not start`))
        else reject(new ExitError({ type: 'normal' }, `${label} ignored its start`))
      })
    })
  }

  #callAs(
    caller: Process | undefined,
    target: Target,
    request: unknown,
    options: CallOptions,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timeout = checkOnlyTimeout(options, 'call')
      const doing = typeof target === 'string' ? `call to ${target}` : 'call'
      if (caller !== undefined && this.#processRoute(target) === caller) {
        reject(new ExitError({ type: 'calling_self' }, doing))
        return
      }
      this.request(target, request, timeout, (outcome) => {
        if (outcome.ok) resolve(outcome.value)
        else reject(new ExitError(outcome.reason, doing))
      })
    })
  }

  #tell(target: Target, kind: 'cast' | 'info', message: unknown): void {
    const route = this.#route(target)
    if (route === undefined) return
    if (route instanceof Process) route.deliver({ kind, message })
    else this.away?.tell(route, kind, message)
  }

  /** Where a message to `target` goes: into a mailbox here, to another peer, or by placement. */
  #route(target: Target): Process | ProcessRef | PlacedRef | undefined {
    if (typeof target === 'string') {
      const ref = this.table.lookup(target)
      return ref === undefined ? undefined : this.#route(ref)
    }
    if (typeof target !== 'object' || target === null) throw noTarget(target)
    if ('whereis' in target) {
      const ref = target.whereis()
      return ref === undefined ? undefined : this.#route(ref)
    }
    if ('placed' in target) return this.away === undefined ? undefined : target
    if (target.peer === this.self) return this.processes.get(target.id)
    if (typeof target.peer !== 'string' || typeof target.id !== 'string') throw noTarget(target)
    return this.away === undefined ? undefined : target
  }

  /** As `#route`, with the process that a placed ref means at the moment. */
  #processRoute(target: Target): Process | ProcessRef | undefined {
    const route = this.#route(target)
    if (route === undefined || !('placed' in route)) return route
    const ref = this.away?.whereis(route)
    return ref === undefined ? undefined : (this.#route(ref) as Process | ProcessRef | undefined)
  }
}

function noTarget(given: unknown): InvalidOption {
  return new InvalidOption('target', given, 'must be a ref, a name or via(…)')
}
