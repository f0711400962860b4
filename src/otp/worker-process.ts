import type { Runtime } from '../runtime/index.js'
import {
  type Heartbeat,
  type OpenThread,
  plainError,
  Thread,
  type ThreadExit,
  type ThreadOutcome,
} from '../threads/index.js'
import { type ExitReason, normal, shutdown } from './exit.js'
import type { From } from './from.js'
import { type Envelope, Process, type ProcessWorld } from './process.js'
import { type ProcessRef, sameProcess } from './ref.js'
import type { StartResult } from './server-world.js'
import type { FromServer, ToServer } from './worker-protocol.js'

/** What the page's side of a worker process needs of the system. */
export interface WorkerWorld extends ProcessWorld {
  refuse(from: From, reason: ExitReason): void
}

/** What the service in the thread answers its start with. */
export type WorkerStarted =
  | { readonly kind: 'ok'; readonly trapping: boolean }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'failed'; readonly reason: ExitReason }

/** A process that runs in a thread of its own; this is its page's side: mailbox, links and monitors. */
export class WorkerProcess extends Process {
  readonly #world: WorkerWorld
  #thread: Thread | undefined
  /** Whether the server in the thread traps exits; if not, an exit signal need not wait for it. */
  #serverTraps = false
  #started: ((result: StartResult) => void) | undefined
  readonly #early: Envelope[] = []

  constructor(world: WorkerWorld, ref: ProcessRef, parent: ProcessRef | undefined) {
    super(world, ref, { kind: 'worker', label: 'worker', parent })
    this.#world = world
    // What arrives is passed on or decided by `#signalled`.
    this.trapExit = true
  }

  /**
   * Makes the worker, not before: what it says while nobody listens is lost, and in a mesh others may have to be asked
   * for the name of this process first.
   */
  begin(
    options: {
      runtime: Runtime
      /** Makes the worker. What it throws fails the start. */
      make: () => OpenThread
      args: unknown
      startTimeout: number
      heartbeat: Heartbeat | false | undefined
    },
    started: (result: StartResult) => void,
  ): void {
    this.#started = started
    const { args, heartbeat, make, ...rest } = options
    let open: OpenThread
    try {
      open = make()
    } catch (thrown) {
      this.#refuse({ type: 'error', ...plainError(thrown), thread: 'load' })
      return
    }
    this.#thread = new Thread({
      ...rest,
      open,
      start: args,
      ...(heartbeat === undefined ? {} : { heartbeat }),
      events: {
        started: (value) => this.#begun(value as WorkerStarted),
        refused: (error) => this.#refuse({ type: 'error', ...error }),
        event: (value) => this.#told(value as FromServer),
        exit: (exit) => this.#exit(exit),
      },
    })
    for (const envelope of this.#early.splice(0)) this.deliver(envelope)
  }

  override deliver(envelope: Envelope): void {
    if (!this.alive) return
    const thread = this.#thread
    if (thread === undefined) {
      this.#early.push(envelope)
      return
    }
    switch (envelope.kind) {
      case 'call':
        this.#call(thread, envelope.request, envelope.from)
        return
      case 'cast':
      case 'info':
        this.#tell([envelope.kind, envelope.message])
        return
      case 'stop':
        this.#tell(['stop', envelope.reason])
        return
      case 'snapshot':
        // What a thread keeps ends with it: placed processes and names that are merged run in the page.
        envelope.done(undefined)
        return
      case 'merge':
        return
      case 'exit':
        this.#signalled(envelope.from, envelope.reason)
        return
    }
  }

  protected override close(reason: ExitReason): void {
    this.#thread?.terminate()
    const started = this.#started
    this.#started = undefined
    started?.({ kind: 'failed', reason })
  }

  #call(thread: Thread, request: unknown, from: From): void {
    thread.call(request, (outcome: ThreadOutcome) => {
      if (outcome.kind === 'result') from.reply(outcome.value)
      else if (outcome.kind !== 'exit') this.#world.refuse(from, { type: 'error', ...outcome.error })
    })
  }

  #tell(message: ToServer): void {
    this.#thread?.cast(message)
  }

  #signalled(from: ProcessRef, reason: ExitReason): void {
    const parent = this.parent !== undefined && sameProcess(from, this.parent)
    if (this.#serverTraps) this.#tell(['exit', { peer: from.peer, id: from.id }, reason, parent])
    else if (reason.type !== 'normal') this.end(reason)
  }

  #begun(started: WorkerStarted): void {
    if (started.kind === 'failed') {
      this.#refuse(started.reason)
      return
    }
    const report = this.#started
    this.#started = undefined
    if (started.kind === 'ok') {
      this.#serverTraps = started.trapping
      report?.({ kind: 'ok', process: this })
      return
    }
    if (this.parent !== undefined) this.unlink(this.parent)
    this.end(normal)
    report?.({ kind: 'ignored' })
  }

  #told(message: FromServer): void {
    if (message[0] === 'trap') this.#serverTraps = message[1]
    else this.end(message[1])
  }

  #exit(exit: ThreadExit): void {
    const { kind, ...error } = exit
    const reason: ExitReason = kind === 'terminated' ? shutdown : { type: 'error', ...error, thread: kind }
    if (this.#started !== undefined) this.#refuse(reason)
    else this.end(reason)
  }

  /** A start that failed is told to the starter alone, not also by its link. */
  #refuse(reason: ExitReason): void {
    const report = this.#started
    this.#started = undefined
    if (this.parent !== undefined) this.unlink(this.parent)
    this.end(reason)
    report?.({ kind: 'failed', reason })
  }
}
