import type { Cluster } from '../mesh/index.js'
import { type Message, type PeerId, packValue } from '../wire/index.js'
import type { Answers } from './answers.js'
import type { CallHolder, CallOutcome, PendingCall } from './calls.js'
import { type ExitReason, isSame, noproc, toReason } from './exit.js'
import { isHere } from './is-here.js'
import type { KeptMessages } from './kept-messages.js'
import { packReason, unpackReason } from './packed-reason.js'
import type { Linked, Process } from './process.js'
import { ProcessRef } from './ref.js'
import { undeliverable } from './undeliverable.js'
import { unpacked } from './unpacked.js'

/** Monitors, and links, of one other peer to the processes of this page: ten for each process of a large page. */
const mostTies = 100_000

const tooManyTies: ExitReason = {
  type: 'error',
  name: 'QueueFull',
  message: `a peer has ${mostTies} monitors or links here already`,
}

/** What the ways to other peers need of this page's processes. */
export interface RemoteWorld {
  local(id: string): Process | undefined
  /** A process of another peer has ended, as that peer says. */
  ended(ref: ProcessRef): void
  settleCall(id: number, reason: ExitReason): void
  answerCall(id: number, outcome: CallOutcome): void
  request(
    target: ProcessRef,
    request: unknown,
    timeout: number,
    settle: (outcome: CallOutcome) => void,
  ): () => void
  soon(act: () => void): void
}

/** The calls that a peer holds. */
class PeerCalls implements CallHolder {
  readonly waiting = new Set<PendingCall>()

  forget(call: PendingCall): void {
    this.waiting.delete(call)
  }
}

/** Calls, messages, monitors and links from this page's processes to those of other peers, and back. */
export class Remote {
  readonly #cluster: Cluster
  readonly #world: RemoteWorld
  readonly #kept: KeptMessages
  readonly #answers: Answers
  readonly #calls = new Map<PeerId, PeerCalls>()
  /** Ours, of their processes. */
  readonly #monitors = new Map<number, { ref: ProcessRef; down: (reason: ExitReason) => void }>()
  /** Theirs, of our processes, to the way back. */
  readonly #watched = new Map<PeerId, Map<number, () => void>>()
  /** Which of our processes is linked to which of theirs. */
  readonly #links = new Map<PeerId, Map<string, { process: Process; ref: ProcessRef }>>()
  readonly #stops: (() => void)[] = []
  #nextMonitor = 1

  constructor(cluster: Cluster, world: RemoteWorld, kept: KeptMessages, answers: Answers) {
    this.#cluster = cluster
    this.#world = world
    this.#kept = kept
    this.#answers = answers
    this.#receive()
    this.#stops.push(
      cluster.on('down', ({ id }) => this.#down(id)),
      cluster.on('reset', (id) => this.#down(id)),
    )
  }

  /** Whether there is no use in asking a peer: it is dead, gone or was never here. */
  isDown(peer: PeerId): boolean {
    return !isHere(this.#cluster, peer)
  }

  call(ref: ProcessRef, request: unknown, timeout: number, call: PendingCall): void {
    const process = ref.id
    const body = packValue(request)
    const whole = timeout === Number.POSITIVE_INFINITY ? 0 : Math.ceil(timeout)
    const message = { type: 'process.call', call: call.id, process, timeout: whole, body } as const
    this.hold(ref.peer, call)
    this.#sendOr(ref.peer, message, (reason) => this.#world.settleCall(call.id, reason))
  }

  /** The call is in the hands of `peer`, and ends with it. */
  hold(peer: PeerId, call: PendingCall): void {
    call.holder?.forget(call)
    let calls = this.#calls.get(peer)
    if (calls === undefined) {
      calls = new PeerCalls()
      this.#calls.set(peer, calls)
    }
    calls.waiting.add(call)
    call.holder = calls
    if (this.isDown(peer)) this.#world.soon(() => this.#world.settleCall(call.id, { type: 'nodedown', peer }))
  }

  cast(ref: ProcessRef, message: unknown, info: boolean): void {
    this.#cluster.send(ref.peer, { type: 'process.cast', process: ref.id, info, body: packValue(message) })
  }

  reply(peer: PeerId, call: number, value: unknown): void {
    this.#answer(peer, call, { type: 'process.reply', call, body: packValue(value) })
  }

  stop(ref: ProcessRef, reason: ExitReason): void {
    this.#cluster.send(ref.peer, { type: 'process.stop', process: ref.id, reason: packReason(reason) })
  }

  exit(from: string, ref: ProcessRef, reason: ExitReason, linked: boolean): void {
    const packed = packReason(reason)
    this.#signal(ref.peer, { type: 'process.exit', process: ref.id, from, reason: packed, linked })
  }

  monitor(ref: ProcessRef, down: (reason: ExitReason) => void): () => void {
    const { peer } = ref
    const monitor = this.#nextMonitor++
    this.#monitors.set(monitor, { ref, down })
    const message = { type: 'process.monitor', monitor, process: ref.id } as const
    this.#sendOr(peer, message, (reason) => this.#fireMonitor(monitor, reason))
    return () => {
      if (this.#monitors.delete(monitor)) this.#cluster.send(peer, { type: 'process.demonitor', monitor })
    }
  }

  link(process: Process, ref: ProcessRef): void {
    process.link(this.#linked(process, ref))
    const { id: from } = process.ref
    this.#sendOr(ref.peer, { type: 'process.link', process: ref.id, from }, (reason) => {
      if (this.#forgetLink(ref.peer, process.ref.id, ref.id)) process.exited(ref, reason)
    })
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }

  /** The stand-in for a remote process at the other end of a link of `process`. */
  #linked(process: Process, ref: ProcessRef): Linked {
    let links = this.#links.get(ref.peer)
    if (links === undefined) {
      links = new Map()
      this.#links.set(ref.peer, links)
    }
    links.set(`${process.ref.id} ${ref.id}`, { process, ref })
    const forget = (): boolean => this.#forgetLink(ref.peer, process.ref.id, ref.id)
    return {
      ref,
      exited: (from, reason) => {
        forget()
        this.exit(from.id, ref, reason, true)
      },
      unlinked: (from) => {
        forget()
        this.#signal(ref.peer, { type: 'process.unlink', process: ref.id, from: from.id })
      },
    }
  }

  /** Sends a message; where it is dropped `failed` is told why, soon. */
  #sendOr(peer: PeerId, message: Message, failed: (reason: ExitReason) => void): void {
    if (this.#cluster.send(peer, message)) return
    this.#world.soon(() => failed(undeliverable(this.#cluster, peer, message)))
  }

  #answer(peer: PeerId, call: number, answer: Message): void {
    this.#answers.send(peer, answer, (reason) => failure(call, reason))
  }

  /** Messages are lost where too much waits for a peer, signals are not: what ended would never be heard of. */
  #signal(peer: PeerId, message: Message): void {
    if (!this.#cluster.send(peer, message)) this.#kept.keep(peer, message)
  }

  /** @returns whether there was such a link */
  #forgetLink(peer: PeerId, local: string, remote: string): boolean {
    return this.#links.get(peer)?.delete(`${local} ${remote}`) === true
  }

  #receive(): void {
    const cluster = this.#cluster
    const world = this.#world
    const local = (id: string): Process | undefined => world.local(id)
    this.#stops.push(
      cluster.receive('process.call', ({ call, process, timeout, body }, from) => {
        const settle = (outcome: CallOutcome): void => this.settleRemotely(from, call, outcome)
        const wait = timeout === 0 ? Number.POSITIVE_INFINITY : timeout
        const request = unpacked(body)
        if (request.ok) world.request(new ProcessRef(cluster.self, process), request.value, wait, settle)
        else settle(request)
      }),
      cluster.receive('process.cast', ({ process, info, body }, peer) => {
        const message = unpacked(body)
        if (message.ok) local(process)?.deliver({ kind: info ? 'info' : 'cast', message: message.value })
        else cluster.runtime.log('warn', 'a message to a process cannot be read', { peer, process })
      }),
      cluster.receive('process.reply', ({ call, body }) => world.answerCall(call, unpacked(body))),
      cluster.receive('process.fail', ({ call, reason }) => world.settleCall(call, unpackReason(reason))),
      cluster.receive('process.exit', ({ process, from, reason, linked }, peer) => {
        const sender = new ProcessRef(peer, from)
        if (!linked) local(process)?.signal(sender, unpackReason(reason))
        // Of a link that was taken back here meanwhile nothing is told any more.
        else if (this.#forgetLink(peer, process, from)) local(process)?.exited(sender, unpackReason(reason))
      }),
      cluster.receive('process.stop', ({ process, reason }) => {
        local(process)?.deliver({ kind: 'stop', reason: unpackReason(reason) })
      }),
      cluster.receive('process.monitor', ({ monitor, process }, peer) => {
        const tell = (reason: ExitReason): void => {
          this.#watched.get(peer)?.delete(monitor)
          this.#signal(peer, { type: 'process.down', monitor, reason: packReason(reason) })
        }
        // A number that is used again is a lie, of which nothing may be left.
        this.#demonitor(peer, monitor)
        const target = local(process)
        const watched = this.#watched.get(peer) ?? new Map<number, () => void>()
        if (target === undefined) tell(noproc)
        else if (watched.size >= mostTies) tell(tooManyTies)
        else this.#watched.set(peer, watched.set(monitor, target.monitor(tell)))
      }),
      cluster.receive('process.demonitor', ({ monitor }, peer) => this.#demonitor(peer, monitor)),
      cluster.receive('process.down', ({ monitor, reason }, from) => {
        const ref = this.#monitors.get(monitor)?.ref
        if (ref?.peer !== from) return
        const why = unpackReason(reason)
        // Before anybody is told: its name is free for whoever waited for this. A refusal is no end.
        if (!isSame(why, tooManyTies)) world.ended(ref)
        this.#fireMonitor(monitor, why)
      }),
      cluster.receive('process.link', ({ process, from }, peer) => {
        const ref = new ProcessRef(peer, from)
        const target = local(process)
        if (target === undefined) this.exit(process, ref, noproc, true)
        else if ((this.#links.get(peer)?.size ?? 0) >= mostTies) this.exit(process, ref, tooManyTies, true)
        else target.link(this.#linked(target, ref))
      }),
      cluster.receive('process.unlink', ({ process, from }, peer) => {
        this.#forgetLink(peer, process, from)
        local(process)?.unlinked(new ProcessRef(peer, from))
      }),
    )
  }

  /** Tells the peer that made a call how it ended. */
  settleRemotely(peer: PeerId, call: number, outcome: CallOutcome): void {
    if (!outcome.ok) {
      this.#answer(peer, call, failure(call, outcome.reason))
      return
    }
    try {
      this.reply(peer, call, outcome.value)
    } catch (error) {
      this.#answer(peer, call, failure(call, toReason(error)))
    }
  }

  #demonitor(peer: PeerId, monitor: number): void {
    const watched = this.#watched.get(peer)
    watched?.get(monitor)?.()
    watched?.delete(monitor)
    if (watched?.size === 0) this.#watched.delete(peer)
  }

  #fireMonitor(monitor: number, reason: ExitReason): void {
    const entry = this.#monitors.get(monitor)
    if (entry === undefined) return
    this.#monitors.delete(monitor)
    entry.down(reason)
  }

  /** A peer is gone, or held us for gone: all that was tied to it learns it now, not by waiting out a time-out. */
  #down(peer: PeerId): void {
    const reason: ExitReason = { type: 'nodedown', peer }
    for (const call of [...(this.#calls.get(peer)?.waiting ?? [])]) this.#world.settleCall(call.id, reason)
    this.#calls.delete(peer)
    for (const [monitor, entry] of [...this.#monitors])
      if (entry.ref.peer === peer) this.#fireMonitor(monitor, reason)
    for (const demonitor of this.#watched.get(peer)?.values() ?? []) demonitor()
    this.#watched.delete(peer)
    const links = [...(this.#links.get(peer)?.values() ?? [])]
    this.#links.delete(peer)
    for (const { process, ref } of links) process.exited(ref, reason)
  }
}

/** What a peer is told whose call will not be answered. */
function failure(call: number, reason: ExitReason): Message {
  return { type: 'process.fail', call, reason: packReason(reason) }
}
