import type { CallOptions } from './call-options.js'
import type { ExitReason, GivenReason } from './exit.js'
import type { From } from './from.js'
import type { ProcessRef, Target, ViaName } from './ref.js'

/** Returned by `init`: do not start, and do not call it a failure. */
export const IGNORE: unique symbol = Symbol.for('ringmesh.IGNORE')

/** Returned by `handleCall`: the answer comes later, by `from.reply`. */
export const NO_REPLY: unique symbol = Symbol.for('ringmesh.NO_REPLY')

/** A class of processes. */
export type GenServerClass<Server extends GenServer = GenServer> = new () => Server

/** What the `init` of a class takes as its arguments. */
export type ArgsOf<Class extends GenServerClass> = Parameters<InstanceType<Class>['init']>[0]

/** Messages that the system itself sends to `handleInfo`. */
export type SystemInfo =
  /** A linked process ended, and this one traps exits. */
  | { readonly type: 'exit'; readonly from: ProcessRef; readonly reason: ExitReason }
  /** A monitored process ended; `monitor` is what `this.monitor` gave. */
  | { readonly type: 'down'; readonly monitor: number; readonly ref: Target; readonly reason: ExitReason }
  /** Nothing came for as long as `this.timeout` said. */
  | { readonly type: 'timeout' }
  /** After a partition the name was found on both sides, and this process lost it; it is stopped next. */
  | { readonly type: 'name_conflict'; readonly name: string; readonly survivor: ProcessRef }

/** What a process can do for its server; see the methods of {@link GenServer}. */
export interface ServerContext {
  readonly self: ProcessRef
  trapExit: boolean
  continue(value: unknown): void
  timeout(milliseconds: number): void
  stop(reason: GivenReason): void
  call(target: Target, request: unknown, options?: CallOptions): Promise<unknown>
  cast(target: Target, message: unknown): void
  send(target: Target, message: unknown): void
  monitor(target: Target): number
  demonitor(monitor: number): void
  link(target: Target): void
  unlink(target: Target): void
  start(
    server: GenServerClass,
    options: { args?: unknown; name?: string | ViaName; timeout?: number },
  ): Promise<ProcessRef>
}

let attach: (server: GenServer, context: ServerContext) => void

/**
 * A process: private state, a mailbox, and handlers that run one at a time. Extend it, and start it
 * with `start` or as the child of a supervisor. Any handler may be async; the next message waits.
 * A handler that throws ends the process, and whoever supervises it starts another.
 *
 * After OTP's gen_server; where JavaScript needs other words, the thing is the same.
 *
 * @example
 * ```ts
 * class Counter extends GenServer {
 *   #n = 0
 *   init({ start }: { start: number }) { this.#n = start }
 *   handleCall() { return ++this.#n }
 * }
 * const counter = await start(Counter, { args: { start: 1 } })
 * await call(counter, 'inc') // 2
 * ```
 */
export abstract class GenServer {
  #context: ServerContext | undefined

  static {
    attach = (server, context) => {
      server.#context = context
    }
  }

  /** Begins. What it throws is why the start failed. @returns {@link IGNORE} not to start at all; anything else counts for nothing */
  init(_args: unknown, _snapshot: unknown): unknown {
    return undefined
  }

  /** Answers a call with what it returns, or {@link NO_REPLY}. The default throws. */
  handleCall(request: unknown, _from: From): unknown {
    throw new Error(`${this.constructor.name} has no handleCall, and was called with ${String(request)}`)
  }

  /** Takes what was cast. The default throws. */
  handleCast(message: unknown): unknown {
    throw new Error(`${this.constructor.name} has no handleCast, and was sent ${String(message)}`)
  }

  /** Takes everything else: what was sent with `send`, and {@link SystemInfo}. The default drops it. */
  handleInfo(_message: unknown): unknown {
    return undefined
  }

  /** Runs after the handler that called `this.continue(value)`, before any message that waits. */
  handleContinue(value: unknown): unknown {
    throw new Error(`${this.constructor.name} has no handleContinue, and was continued with ${String(value)}`)
  }

  /**
   * Runs last: after a handler threw or called `this.stop`, after `stop(ref)`, and, only where the
   * process traps exits, when its supervisor or another parent ends it. Not when it is killed, and
   * not when a link ends a process that does not trap: keep what must not be lost elsewhere.
   */
  terminate(_reason: ExitReason): unknown {
    return undefined
  }

  /** What the next owner or the next incarnation of a placed process starts from; undefined for nothing. */
  snapshot(): unknown {
    return undefined
  }

  /**
   * Takes in the snapshot of a process that gives way to this one: after a partition both had the
   * same name, or were placed for the same key. Both may have begun from the same snapshot, and one
   * may come twice, so take in what is new in it: what it adds up it may have had already. The
   * default drops it.
   */
  merge(_snapshot: unknown): unknown {
    return undefined
  }

  /** This process. */
  get self(): ProcessRef {
    return this.#here.self
  }

  /** True: exits of linked processes come to `handleInfo` instead of ending this one, and `terminate` runs on shutdown. */
  get trapExit(): boolean {
    return this.#here.trapExit
  }

  set trapExit(trap: boolean) {
    this.#here.trapExit = trap
  }

  /** Has `handleContinue(value)` run after this handler, before any message that waits. */
  continue(value: unknown): void {
    this.#here.continue(value)
  }

  /** Has `handleInfo({ type: 'timeout' })` run unless any message comes within `milliseconds` after this handler. */
  timeout(milliseconds: number): void {
    this.#here.timeout(milliseconds)
  }

  /** Ends this process after the handler that is running; what that returns is still answered. */
  stop(reason: GivenReason = 'normal'): void {
    this.#here.stop(reason)
  }

  /** As the free function, and knows who calls: a call to oneself is refused also after an `await`. */
  call(target: Target, request: unknown, options?: CallOptions): Promise<unknown> {
    return this.#here.call(target, request, options)
  }

  /** As the free function: tells a process something, for its `handleCast`. */
  cast(target: Target, message: unknown): void {
    this.#here.cast(target, message)
  }

  /** As the free function: tells a process something, for its `handleInfo`. */
  send(target: Target, message: unknown): void {
    this.#here.send(target, message)
  }

  /** Has `handleInfo({ type: 'down', … })` run when `target` ends, or at once if it has. Give the number to {@link demonitor}. */
  monitor(target: Target): number {
    return this.#here.monitor(target)
  }

  /** Takes a monitor back; no `down` of it comes any more. */
  demonitor(monitor: number): void {
    this.#here.demonitor(monitor)
  }

  /** Ties the fates of this process and `target`: when one ends abnormally, so does the other, unless it traps exits. */
  link(target: Target): void {
    this.#here.link(target)
  }

  /** Takes a link back. */
  unlink(target: Target): void {
    this.#here.unlink(target)
  }

  /** Starts a process linked to this one, which becomes its parent: OTP's `start_link`. */
  startLink<Class extends GenServerClass>(
    server: Class,
    options: { args?: ArgsOf<Class>; name?: string | ViaName; timeout?: number } = {},
  ): Promise<ProcessRef> {
    return this.#here.start(server, options)
  }

  get #here(): ServerContext {
    if (this.#context === undefined) throw new Error('a server has no process before it is started')
    return this.#context
  }
}

/** Gives a server its process. */
export function attachContext(server: GenServer, context: ServerContext): void {
  attach(server, context)
}
