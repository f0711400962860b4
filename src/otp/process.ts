import type { CallHolder, PendingCall } from './calls.js'
import { type ExitReason, killed, noproc } from './exit.js'
import type { From } from './from.js'
import type { ProcessRef } from './ref.js'

/** What lies in a mailbox. */
export type Envelope =
  | { readonly kind: 'call'; readonly request: unknown; readonly from: From }
  | { readonly kind: 'cast'; readonly message: unknown }
  /** `isWanted` is asked when its turn comes: what it tells of may have been taken back. */
  | { readonly kind: 'info'; readonly message: unknown; readonly isWanted?: () => boolean }
  | { readonly kind: 'exit'; readonly from: ProcessRef; readonly reason: ExitReason }
  | { readonly kind: 'stop'; readonly reason: ExitReason }
  /** Tells its snapshot, after the messages that wait already; undefined where it keeps none. */
  | { readonly kind: 'snapshot'; readonly done: (snapshot: unknown) => void }
  /** The snapshot of a process that gives way to this one. */
  | { readonly kind: 'merge'; readonly snapshot: unknown }

/** A process at the other end of a link: one of this page, or the stand-in for a remote one. */
export interface Linked {
  readonly ref: ProcessRef
  /** The process `from`, to which this one is linked, ended. */
  exited(from: ProcessRef, reason: ExitReason): void
  /** The other end takes the link back. */
  unlinked(from: ProcessRef): void
}

/** What every process knows of the page's world of processes. */
export interface ProcessWorld {
  /** The process has ended: forget it and free its names. */
  ended(process: Process, reason: ExitReason): void
  settleCall(id: number, reason: ExitReason): void
  /** Calls soon, with the stack empty. */
  soon(act: () => void): void
}

/** A process of this page: what links, monitors, names and exit signals have in common, whatever runs in it. */
export abstract class Process implements Linked, CallHolder {
  readonly ref: ProcessRef
  /** As supervisors count: a supervisor, or anything else. */
  readonly kind: 'worker' | 'supervisor'
  /** What runs in it, for people. */
  readonly label: string
  /** The process that started it by a link; its exit signals end this one even if it traps exits. */
  readonly parent: ProcessRef | undefined
  /** The names that are registered for it. */
  readonly names = new Set<string>()
  protected readonly world: ProcessWorld
  #trapExit = false
  #ended: ExitReason | undefined
  readonly #links = new Map<string, Linked>()
  readonly #monitors = new Map<number, (reason: ExitReason) => void>()
  #nextMonitor = 1
  readonly #calls = new Set<PendingCall>()

  constructor(
    world: ProcessWorld,
    ref: ProcessRef,
    about: { kind: 'worker' | 'supervisor'; label: string; parent?: ProcessRef | undefined },
  ) {
    this.world = world
    this.ref = ref
    this.kind = about.kind
    this.label = about.label
    this.parent = about.parent
  }

  get alive(): boolean {
    return this.#ended === undefined
  }

  /** Why it ended; undefined while it lives. */
  get reason(): ExitReason | undefined {
    return this.#ended
  }

  get trapExit(): boolean {
    return this.#trapExit
  }

  set trapExit(trap: boolean) {
    this.#trapExit = trap
  }

  /** Puts a message into the mailbox; dropped when the process has ended. */
  abstract deliver(envelope: Envelope): void

  /** Lets go of everything that could still act: it has ended. */
  protected abstract close(reason: ExitReason): void

  /** The call is on its way to this process, and ends with it. */
  hold(call: PendingCall): void {
    call.holder = this
    this.#calls.add(call)
  }

  forget(call: PendingCall): void {
    this.#calls.delete(call)
  }

  /**
   * An exit signal from another process, as `exit(pid, reason)` sends: `killed` as a reason that was
   * sent, not passed on by a link, cannot be trapped. A link between the two stays.
   */
  signal(from: ProcessRef, reason: ExitReason): void {
    if (reason.type === 'killed') this.end(killed)
    else this.#signalled(from, reason)
  }

  exited(from: ProcessRef, reason: ExitReason): void {
    this.#links.delete(key(from))
    this.#signalled(from, reason)
  }

  #signalled(from: ProcessRef, reason: ExitReason): void {
    if (!this.alive) return
    if (this.#trapExit) this.deliver({ kind: 'exit', from, reason })
    else if (reason.type !== 'normal') this.end(reason)
  }

  link(other: Linked): void {
    if (!this.alive) {
      other.exited(this.ref, noproc)
      return
    }
    this.#links.set(key(other.ref), other)
  }

  unlinked(from: ProcessRef): void {
    this.#links.delete(key(from))
  }

  /** Takes the link with `other` back at both ends. */
  unlink(other: ProcessRef): void {
    this.#links.get(key(other))?.unlinked(this.ref)
    this.#links.delete(key(other))
  }

  get linked(): ProcessRef[] {
    return [...this.#links.values()].map((link) => link.ref)
  }

  /** Calls `down` once, soon after the process ended; also when it has ended already. Returns the way back. */
  monitor(down: (reason: ExitReason) => void): () => void {
    let active = true
    const once = (reason: ExitReason): void =>
      this.world.soon(() => {
        if (active) down(reason)
      })
    const id = this.#nextMonitor++
    if (this.#ended === undefined) this.#monitors.set(id, once)
    else once(noproc)
    return () => {
      active = false
      this.#monitors.delete(id)
    }
  }

  /** Ends the process now: names are free, calls in flight rejected, links and monitors told, in that order. */
  end(reason: ExitReason): void {
    if (this.#ended !== undefined) return
    this.#ended = reason
    this.close(reason)
    this.world.ended(this, reason)
    const calls = [...this.#calls]
    this.#calls.clear()
    for (const call of calls) this.world.settleCall(call.id, reason)
    const links = [...this.#links.values()]
    this.#links.clear()
    for (const link of links) link.exited(this.ref, reason)
    const monitors = [...this.#monitors.values()]
    this.#monitors.clear()
    for (const down of monitors) down(reason)
  }
}

function key(ref: ProcessRef): string {
  return `${ref.peer}/${ref.id}`
}
