import { VirtualTime } from '../../runtime/index.js'
import { ExitError, type ExitReason } from '../exit.js'
import type { From } from '../from.js'
import { GenServer, type GenServerClass, NO_REPLY } from '../gen-server.js'
import type { ProcessRef, Target } from '../ref.js'
import { ProcessSystem, type StartOptions } from '../system.js'

/** A system of processes on time that moves by command, and short words for what tests say often. */
export class World {
  readonly time = new VirtualTime('otp')
  readonly system = new ProcessSystem({ runtime: this.time.runtime('otp') })

  /** Lets `milliseconds` pass, and everything come to rest. */
  async pass(milliseconds = 0): Promise<void> {
    await this.time.advanceAsync(milliseconds)
    for (let turn = 0; turn < 10; turn++) await this.time.advanceAsync(0)
  }

  /** Waits for `promise` while time passes. */
  async until<T>(promise: Promise<T>, milliseconds = 0): Promise<T> {
    const outcome = promise.then(
      (value) => ({ ok: true as const, value }),
      (error: unknown) => ({ ok: false as const, error }),
    )
    await this.pass(milliseconds)
    const result = await Promise.race([outcome, Promise.resolve(undefined)])
    if (result === undefined) throw new Error(`still waiting after ${milliseconds} ms`)
    if (result.ok) return result.value
    throw result.error
  }

  start<Class extends GenServerClass>(server: Class, options?: StartOptions<Class>): Promise<ProcessRef> {
    return this.until(this.system.start(server, options))
  }

  call(target: Target, request: unknown): Promise<unknown> {
    return this.until(this.system.call(target, request))
  }

  /** Why `promise` was rejected; fails when it was not, or not by an exit. */
  async reasonOf(promise: Promise<unknown>, milliseconds = 0): Promise<ExitReason> {
    try {
      await this.until(promise, milliseconds)
    } catch (error) {
      if (error instanceof ExitError) return error.reason
      throw error
    }
    throw new Error('it was not rejected')
  }

  /** The reason a process ends with, once it has ended. */
  ended(target: Target): { reason: ExitReason | undefined } {
    const seen: { reason: ExitReason | undefined } = { reason: undefined }
    this.system.monitor(target, (reason) => {
      seen.reason = reason
    })
    return seen
  }
}

/** Does as its messages say, and writes down what happens to it. */
export class Probe extends GenServer {
  /** What happened, in order. */
  log: unknown[] = []
  #kept: From[] = []

  override init(args?: { log?: unknown[]; trap?: boolean; init?: (probe: Probe) => unknown }): unknown {
    if (args?.log !== undefined) this.log = args.log
    if (args?.trap) this.trapExit = true
    this.log.push('init')
    return args?.init?.(this)
  }

  override handleCall(request: unknown, from: From): unknown {
    if (typeof request === 'function') return (request as (probe: Probe, from: From) => unknown)(this, from)
    if (request === 'log') return [...this.log]
    if (request === 'keep') {
      this.#kept.push(from)
      return NO_REPLY
    }
    if (request === 'release') return this.#kept.splice(0).map((kept) => kept.reply('released')).length
    this.log.push(['call', request])
    return request
  }

  override handleCast(message: unknown): unknown {
    if (typeof message === 'function') return (message as (probe: Probe) => unknown)(this)
    this.log.push(['cast', message])
    return undefined
  }

  override handleInfo(message: unknown): unknown {
    this.log.push(['info', message])
    return undefined
  }

  override handleContinue(value: unknown): unknown {
    this.log.push(['continue', value])
    return undefined
  }

  override terminate(reason: ExitReason): unknown {
    this.log.push(['terminate', reason.type])
    return undefined
  }
}

/** A timer as user code would set one, on the world's time. */
export const after = (world: World, milliseconds: number) =>
  new Promise<void>((resolve) => void world.time.timer(milliseconds, resolve))
