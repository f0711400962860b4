import * as v from 'valibot'
import { checkOptions, InvalidOption } from '../errors/index.js'
import type { Runtime } from '../runtime/index.js'
import type { ThreadPort, ThreadPortEvents } from '../threads/index.js'
import { type CallOptions, defaultTimeout, type StopOptions } from './call-options.js'
import { type CallOutcome, Calls } from './calls.js'
import type { CheckedChild } from './child-spec.js'
import { ExitError, type ExitReason, type GivenReason, noproc, toReason } from './exit.js'
import { From } from './from.js'
import { type ArgsOf, GenServer, type GenServerClass } from './gen-server.js'
import { isLauncher, type Launcher, type LaunchOptions } from './launcher.js'
import type { Process } from './process.js'
import { type PlacedRef, ProcessRef, type Target } from './ref.js'
import { Scheduler } from './scheduler.js'
import { ServerProcess, type ServerWorld, type StartResult } from './server-process.js'
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
  readonly #names = new Map<string, Process>()
  readonly #calls: Calls
  #nextProcess = 1

  constructor(options: ProcessSystemOptions) {
    this.runtime = options.runtime
    this.#threads = options.threads
    this.parallelism = options.parallelism ?? 4
    this.scheduler = new Scheduler(options.runtime, options.defer)
    this.#calls = new Calls(options.runtime)
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
    const giveUp = (): void =>
      this.#calls.settle(call.id, { ok: false, reason: { type: 'timeout', after: 0 } })
    const process = this.#resolve(target)
    if (process === undefined) {
      this.soon(() => this.#calls.settle(call.id, { ok: false, reason: noproc }))
      return giveUp
    }
    process.hold(call)
    process.deliver({ kind: 'call', request, from: new From('', call.id, this.#answer) })
    return giveUp
  }

  /** Tells a process something; succeeds in silence also when there is none. */
  cast(target: Target, message: unknown): void {
    this.#resolve(target)?.deliver({ kind: 'cast', message })
  }

  /** Puts a message into a process's mailbox, for its `handleInfo`. */
  send(target: Target, message: unknown): void {
    this.#resolve(target)?.deliver({ kind: 'info', message })
  }

  /** Answers a call that was not answered by its handler's return. */
  reply(from: From | { readonly peer: string; readonly call: number }, value: unknown): void {
    this.#calls.settle(from.call, { ok: true, value })
  }

  /**
   * Has a process run `terminate` and end, after the messages that wait already; resolves when it has ended.
   *
   * @throws {ExitError} `noproc`; `timeout`; the reason when it ended with another one
   */
  async stop(target: Target, reason: GivenReason = 'normal', options: StopOptions = {}): Promise<void> {
    const { timeout } = checkOptions(callOptions, options, 'stop')
    const wanted = toReason(reason)
    const process = this.#resolve(target)
    if (process === undefined || !process.alive) throw new ExitError(noproc, 'stop')
    if (process === this.current) throw new ExitError({ type: 'calling_self' }, 'stop')
    await new Promise<void>((resolve, reject) => {
      const timer =
        timeout === Number.POSITIVE_INFINITY
          ? undefined
          : this.runtime.timer(timeout, () => {
              demonitor()
              reject(new ExitError({ type: 'timeout', after: timeout }, 'stop'))
            })
      const demonitor = process.monitor((ended) => {
        timer?.cancel()
        if (ended.type === wanted.type) resolve()
        else reject(new ExitError(ended, 'stop'))
      })
      process.deliver({ kind: 'stop', reason: wanted })
    })
  }

  /**
   * Sends an exit signal, as `Process.exit/2`: `killed` cannot be trapped; `normal` is ignored by
   * those that do not trap.
   */
  exit(target: Target, reason: GivenReason): void {
    const from = this.current?.ref ?? outside
    this.#resolve(target)?.signal(from, toReason(reason))
  }

  /** Calls `down` once when the process ends, soon if it has already. Returns the way back. */
  monitor(target: Target, down: (reason: ExitReason) => void): () => void {
    const process = this.#resolve(target)
    if (process !== undefined) return process.monitor(down)
    let active = true
    this.soon(() => {
      if (active) down(noproc)
    })
    return () => {
      active = false
    }
  }

  /** Ties the fates of two processes. */
  link(a: Target, b: Target): void {
    const first = this.#resolve(a)
    const second = this.#resolve(b)
    if (first !== undefined) this.linkTo(first, b)
    else second?.exited(outside, noproc)
  }

  unlink(a: Target, b: Target): void {
    const first = this.#resolve(a)
    const second = this.#resolve(b)
    if (first !== undefined && second !== undefined) first.unlink(second.ref)
  }

  /** The process that a name is registered for. */
  whereis(name: string): ProcessRef | undefined {
    return this.#names.get(name)?.ref
  }

  /** Whether a process lives. */
  alive(target: Target): boolean {
    return this.#resolve(target)?.alive === true
  }

  // What the files of this room use among themselves.

  /** The process of this page that a target means now. */
  localProcess(target: Target): Process | undefined {
    return this.#resolve(target)
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
    if (name !== undefined) {
      const holder = this.#names.get(name)
      if (holder !== undefined) {
        process.end(noproc)
        done({ kind: 'failed', reason: { type: 'already_started', ref: holder.ref } })
        return
      }
      this.#names.set(name, process)
      process.names.add(name)
    }
    if (parent !== undefined) {
      process.link(parent)
      parent.link(process)
    }
    begin()
  }

  newRef(): ProcessRef {
    const ref = new ProcessRef('', String(this.#nextProcess++))
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
    const other = this.#resolve(target)
    if (other === process) return
    if (other === undefined) process.exited(outside, noproc)
    else {
      other.link(process)
      process.link(other)
    }
  }

  refuse(from: From, reason: ExitReason): void {
    this.#calls.settle(from.call, { ok: false, reason })
  }

  settleCall(id: number, reason: ExitReason): void {
    this.#calls.settle(id, { ok: false, reason })
  }

  soon(act: () => void): void {
    this.scheduler.soon(act)
  }

  ended(process: Process): void {
    this.#processes.delete(process.ref.id)
    for (const name of process.names) if (this.#names.get(name) === process) this.#names.delete(name)
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
      if (caller !== undefined && this.#resolve(target) === caller) {
        reject(new ExitError({ type: 'calling_self' }, 'call'))
        return
      }
      this.request(target, request, timeout, (outcome) => {
        if (outcome.ok) resolve(outcome.value)
        else reject(new ExitError(outcome.reason, 'call'))
      })
    })
  }

  #resolve(target: Target): Process | undefined {
    if (typeof target === 'string') return this.#names.get(target)
    if (isPlaced(target)) return undefined
    return this.#processes.get(target.id)
  }
}

/** Stands for the page's own code, which is no process. */
const outside = new ProcessRef('', '0')

function isPlaced(target: ProcessRef | PlacedRef): target is PlacedRef {
  return 'placed' in target
}
