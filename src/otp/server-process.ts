import { RingmeshError } from '../errors/index.js'
import type { Timer } from '../runtime/index.js'
import { checkTimeout } from './check-start.js'
import { endedContext } from './ended-context.js'
import { type ExitReason, type GivenReason, isAbnormal, killed, normal, toReason } from './exit.js'
import { attachContext, type GenServer, IGNORE, NO_REPLY, type ServerContext } from './gen-server.js'
import { OwnMonitors } from './own-monitors.js'
import { type Envelope, Process } from './process.js'
import { Queue } from './queue.js'
import { type ProcessRef, sameProcess } from './ref.js'
import type { Runnable } from './scheduler.js'
import type { ServerWorld, StartResult } from './server-world.js'
import { runUserCode } from './user-code.js'

/**
 * More messages than this wait only for a process that will never catch up; further casts are then
 * dropped and calls refused, where BEAM would fill the memory.
 */
const longestMailbox = 1_000_000

type Phase = 'starting' | 'running' | 'stopping'

/** A process that runs a {@link GenServer} in this page: one message at a time. */
export class ServerProcess extends Process implements Runnable {
  readonly server: GenServer
  readonly #world: ServerWorld
  readonly #mailbox = new Queue<Envelope>()
  readonly #continues = new Queue<unknown>()
  readonly #monitors = new OwnMonitors()
  #phase: Phase = 'starting'
  #busy = true
  #stop: { reason: ExitReason } | undefined
  #patience: number | undefined
  #timer: Timer | undefined
  #startTimer: Timer | undefined
  #started: ((result: StartResult) => void) | undefined
  #afterMessage: (() => void) | undefined

  constructor(
    world: ServerWorld,
    ref: ProcessRef,
    server: GenServer,
    about: { kind: 'worker' | 'supervisor'; parent?: ProcessRef | undefined },
  ) {
    // A bundler may leave a class without a name.
    super(world, ref, { ...about, label: server.constructor.name || 'GenServer' })
    this.#world = world
    this.server = server
    attachContext(server, this.#context())
  }

  /** Messages that wait. */
  get queued(): number {
    return this.#mailbox.size
  }

  /** Calls `listener` after every handled message, for those who keep snapshots. */
  onHandled(listener: () => void): void {
    this.#afterMessage = listener
  }

  /** Runs `init`. `started` is called exactly once, never before this returns unless `init` is synchronous. */
  begin(args: unknown, snapshot: unknown, timeout: number, started: (result: StartResult) => void): void {
    this.#started = started
    if (timeout !== Number.POSITIVE_INFINITY) {
      this.#startTimer = this.#world.runtime.timer(timeout, () => {
        this.#refuse({ type: 'timeout', after: timeout }, killed)
      })
    }
    this.#run(
      () => this.server.init(args, snapshot),
      (value) => {
        this.#startTimer?.cancel()
        if (value === IGNORE) {
          this.#started = undefined
          this.#withdraw()
          this.end(normal)
          started({ kind: 'ignored' })
          return
        }
        this.#phase = 'running'
        this.#started = undefined
        started({ kind: 'ok', process: this })
        this.#handled()
      },
      (reason) => this.#refuse(reason, reason),
    )
  }

  override deliver(envelope: Envelope): void {
    if (!this.alive) return
    if (
      this.#mailbox.size >= longestMailbox &&
      (envelope.kind === 'call' || envelope.kind === 'cast' || envelope.kind === 'info')
    ) {
      this.#overflow(envelope)
      return
    }
    this.#mailbox.push(envelope)
    if (!this.#busy) this.#world.scheduler.ready(this)
  }

  step(): boolean {
    if (this.#busy || !this.alive) return false
    if (this.#continues.size > 0) {
      this.#wake()
      const value = this.#continues.shift()
      this.#handle(() => this.server.handleContinue(value))
    } else {
      const envelope = this.#mailbox.shift()
      if (envelope === undefined) return false
      // A snapshot is no message of anybody's: the handler time-out runs on.
      if (envelope.kind === 'snapshot') this.#tellSnapshot(envelope.done)
      else if (envelope.kind !== 'info' || envelope.isWanted?.() !== false) {
        this.#wake()
        this.#open(envelope)
      }
    }
    return !this.#busy && this.alive && this.#continues.size + this.#mailbox.size > 0
  }

  protected override close(reason: ExitReason): void {
    attachContext(this.server, endedContext(this.ref, reason))
    this.#timer?.cancel()
    this.#startTimer?.cancel()
    this.#monitors.clear()
    this.#mailbox.clear()
    this.#continues.clear()
    const started = this.#started
    this.#started = undefined
    started?.({ kind: 'failed', reason })
  }

  #wake(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #tellSnapshot(done: (snapshot: unknown) => void): void {
    this.#run(
      () => this.server.snapshot(),
      (snapshot) => {
        this.#busy = false
        if (this.#continues.size + this.#mailbox.size > 0) this.#world.scheduler.ready(this)
        done(snapshot)
      },
      (reason) => this.#terminate(reason),
    )
  }

  #open(envelope: Exclude<Envelope, { kind: 'snapshot' }>): void {
    switch (envelope.kind) {
      case 'call': {
        const { from, request } = envelope
        this.#handle(
          () => this.server.handleCall(request, from),
          (value) => {
            if (value !== NO_REPLY) from.reply(value)
          },
        )
        return
      }
      case 'cast':
        this.#handle(() => this.server.handleCast(envelope.message))
        return
      case 'info':
        this.#handle(() => this.server.handleInfo(envelope.message))
        return
      case 'exit': {
        const { from, reason } = envelope
        if (this.parent !== undefined && sameProcess(from, this.parent)) this.#terminate(reason)
        else this.#handle(() => this.server.handleInfo({ type: 'exit', from, reason }))
        return
      }
      case 'stop':
        this.#terminate(envelope.reason)
        return
      case 'merge':
        this.#handle(() => this.server.merge(envelope.snapshot))
        return
    }
  }

  #handle(handler: () => unknown, answer?: (value: unknown) => void): void {
    this.#patience = undefined
    this.#run(
      handler,
      (value) => {
        const stop = this.#stop
        if (stop === undefined) {
          answer?.(value)
          this.#handled()
        } else {
          // OTP runs terminate first and answers then, so that the caller knows the end by the answer.
          this.#terminate(stop.reason, answer === undefined ? undefined : () => answer(value))
        }
      },
      (reason) => {
        if (isAbnormal(reason)) {
          this.#world.runtime.log('error', `${this.label} ended by an error`, { id: this.ref.id, reason })
        }
        this.#terminate(reason)
      },
    )
  }

  /** After a handler: the next message, or the wait for one. */
  #handled(): void {
    this.#busy = false
    this.#afterMessage?.()
    if (!this.alive) return
    const { runtime, scheduler } = this.#world
    if (this.#stop !== undefined) this.#terminate(this.#stop.reason)
    else if (this.#continues.size + this.#mailbox.size > 0) scheduler.ready(this)
    else if (this.#patience !== undefined) {
      this.#timer = runtime.timer(this.#patience, () => {
        // What has come meanwhile and waits for its turn cancels it too.
        if (this.#mailbox.size === 0) this.deliver({ kind: 'info', message: { type: 'timeout' } })
      })
    }
  }

  #terminate(reason: ExitReason, last?: () => void): void {
    if (this.#phase === 'stopping') return
    this.#phase = 'stopping'
    const finish = (final: ExitReason): void => {
      last?.()
      this.end(final)
    }
    this.#run(
      () => this.server.terminate(reason),
      () => finish(reason),
      finish,
    )
  }

  #run(code: () => unknown, done: (value: unknown) => void, failed: (reason: ExitReason) => void): void {
    this.#busy = true
    runUserCode(this.#world, this, code, done, failed)
  }

  /** A start that failed is told to the starter alone, not also by its link. */
  #refuse(told: ExitReason, ended: ExitReason): void {
    const started = this.#started
    this.#started = undefined
    this.#startTimer?.cancel()
    this.#withdraw()
    this.end(ended)
    started?.({ kind: 'failed', reason: told })
  }

  #withdraw(): void {
    if (this.parent !== undefined) this.unlink(this.parent)
  }

  #overflow(envelope: Envelope): void {
    this.#world.runtime.log('error', 'a mailbox is full, a message was dropped', { id: this.ref.id })
    if (envelope.kind === 'call') {
      const { name, message } = new RingmeshError('QueueFull', `the mailbox of ${this.label} is full`)
      this.#world.refuse(envelope.from, { type: 'error', name, message })
    }
  }

  #context(): ServerContext {
    const process = this
    const world = this.#world
    return {
      get self() {
        return process.ref
      },
      get trapExit() {
        return process.trapExit
      },
      set trapExit(trap) {
        process.trapExit = trap
      },
      continue: (value) => this.#continues.push(value),
      timeout: (milliseconds) => {
        const patience = checkTimeout(milliseconds, 'timeout')
        this.#patience = patience === Number.POSITIVE_INFINITY ? undefined : patience
      },
      stop: (reason: GivenReason) => {
        this.#stop ??= { reason: toReason(reason) }
        // Called with no handler running, as from a timer of the server's own.
        if (!this.#busy) this.deliver({ kind: 'stop', reason: this.#stop.reason })
      },
      call: (target, request, options) => world.callFrom(this, target, request, options),
      cast: (target, message) => world.cast(target, message),
      send: (target, message) => world.send(target, message),
      monitor: (target) =>
        this.#monitors.add(
          target,
          (of, down) => world.monitor(of, down),
          (envelope) => this.deliver(envelope),
        ),
      demonitor: (id) => this.#monitors.remove(id),
      link: (target) => world.linkTo(this, target),
      unlink: (target) => world.unlink(this.ref, target),
      start: (server, options) => world.startFrom(this, server, options),
    }
  }
}
