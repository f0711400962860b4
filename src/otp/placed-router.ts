import { isPlanted } from '../runtime/index.js'
import { type Message, type PeerId, packValue } from '../wire/index.js'
import type { CallOutcome } from './calls.js'
import { type ExitReason, noproc, toReason } from './exit.js'
import { packReason, unpackReason } from './packed-reason.js'
import { type Epoch, isLater } from './placed-epoch.js'
import { type Instance, nameOf, type PlacedMessage } from './placed-instance.js'
import type { PlacedState } from './placed-state.js'
import { undeliverable } from './undeliverable.js'
import { unpacked } from './unpacked.js'

/** More forwarding than this is a circle, made by views that differ. */
const mostHops = 8

/** After this much forwarding the ring is believed, and not what was heard. */
const trustedHops = 3

/** Messages that wait for a process which starts or moves; past it they are refused. */
const longestQueue = 100_000

/**
 * Processes of which it is remembered what was sent to them last and who answered; the longest unused
 * are forgotten first. Their messages are numbered from 0 then, and not held back for their turn.
 */
const mostRemembered = 10_000

/** What an answer becomes that comes from an epoch which is over. */
const formerly: CallOutcome = {
  ok: false,
  reason: { type: 'shutdown', detail: 'answered by a former owner' },
}

/** What the router needs of those who run things. */
export interface RouterHooks {
  /** Starts a process that should run here and does not, for a message that waits for it. */
  revive(placed: string, key: string, message: PlacedMessage): void
  /** Has a process of ours go on in a later epoch, where one was heard of since. */
  keepUp(instance: Instance): void
}

/**
 * Brings messages to the placed processes they are for: to the one that runs here, in the order
 * their sender numbered them, or on to the peer that runs it. Brings the answers of calls back.
 */
export class PlacedRouter {
  readonly #state: PlacedState
  readonly #hooks: RouterHooks
  /** The number of the next message from here to each placed process. */
  readonly #sent = new Map<string, number>()
  /** The latest epoch in which each placed process has answered a call from here. */
  readonly #answered = new Map<string, Epoch>()

  constructor(state: PlacedState, hooks: RouterHooks) {
    this.#state = state
    this.#hooks = hooks
  }

  /** Brings a message to where it belongs: here, or one step on its way. */
  route(unnumbered: PlacedMessage): void {
    const { cluster, directory, instances } = this.#state
    const message = this.#numbered(unnumbered)
    const { placed, key, hops } = message
    const instance = instances.get(placed, key)
    if (instance !== undefined) {
      this.#left(message)
      this.accept(instance, message)
      return
    }
    // Sent here by a peer that thought we run it, or sent on already: what the directory says is out of date.
    const owner = hops < trustedHops ? directory.ownerOf(placed, key) : directory.homeOf(placed, key)
    if (owner === undefined) this.fail(message, noproc)
    else if (owner === cluster.self) {
      this.#left(message)
      this.#hooks.revive(placed, key, message)
    } else this.forward(message, owner)
  }

  /** Sends a message on; its caller is told who has it now, so as to hear if that one goes too. */
  forward(message: PlacedMessage, owner: PeerId): void {
    const { cluster, world } = this.#state
    const { origin, call, kind, hops } = message
    if (hops >= mostHops) {
      this.fail(message, noproc)
      return
    }
    if (kind === 'call') {
      if (origin === cluster.self) world.hold(owner, call)
      else cluster.send(origin, { type: 'placed.moved', call, owner })
    }
    const forwarded = { ...message, hops: hops + 1 }
    if (cluster.send(owner, forwarded)) this.#left(message)
    else this.fail(message, undeliverable(cluster, owner, forwarded))
  }

  /** Takes a message for a process that runs here: in its turn, or when it runs. */
  accept(instance: Instance, message: PlacedMessage): void {
    if (instance.state !== 'running') {
      this.#keep(instance, message)
      return
    }
    const deliver = (): void => {
      // Its turn may come when the process has given its snapshot away, and would forget it.
      if (instance.state === 'running') this.#deliver(instance, message)
      else this.#keep(instance, message)
    }
    // Of one that is gone no more will come, and nobody would say when to forget its numbers.
    if (this.#state.directory.isHere(message.origin))
      instance.sequences.take(message.origin, message.sequence, deliver)
    else deliver()
  }

  #keep(instance: Instance, message: PlacedMessage): void {
    if (instance.queue.length < longestQueue) instance.queue.push(message)
    else
      this.fail(message, {
        type: 'error',
        name: 'QueueFull',
        message: 'too much waits for a process that moves',
      })
  }

  /** It reaches nobody: the caller is told why. A cast is lost, as OTP's are. */
  fail(message: PlacedMessage, reason: ExitReason): void {
    if (message.kind === 'call') this.#answer(message, Number.MAX_SAFE_INTEGER, { ok: false, reason })
  }

  #deliver(instance: Instance, message: PlacedMessage): void {
    this.#hooks.keepUp(instance)
    const { process } = instance
    if (process === undefined) return
    const body = unpacked(message.body)
    if (!body.ok) {
      this.fail(message, body.reason)
      return
    }
    if (message.kind === 'call') {
      const timeout = message.timeout === 0 ? Number.POSITIVE_INFINITY : message.timeout
      this.#state.world.request(process.ref, body.value, timeout, (outcome) =>
        this.#answer(message, instance.epoch, outcome),
      )
    } else process.deliver({ kind: message.kind, message: body.value })
  }

  #answer({ placed, key, origin, call }: PlacedMessage, epoch: number, outcome: CallOutcome): void {
    const { cluster, world } = this.#state
    if (origin === cluster.self) {
      const isFormer = outcome.ok && this.#isFormer(placed, key, { epoch, owner: cluster.self })
      world.settle(call, isFormer ? formerly : outcome)
      return
    }
    const failure = (reason: ExitReason): Message => {
      return { type: 'placed.reply', placed, key, epoch, call, ok: false, body: packReason(reason) }
    }
    let answer: Message
    try {
      answer = outcome.ok
        ? { type: 'placed.reply', placed, key, epoch, call, ok: true, body: packValue(outcome.value) }
        : failure(outcome.reason)
    } catch (error) {
      answer = failure(toReason(error))
    }
    world.answer(origin, answer, failure)
  }

  /** Numbers a message of ours when it leaves, and not before: one that could not leave makes no gap. */
  #numbered(message: PlacedMessage): PlacedMessage {
    if (message.hops > 0 || message.origin !== this.#state.cluster.self) return message
    return { ...message, sequence: this.#sent.get(nameOf(message.placed, message.key)) ?? 0 }
  }

  #left({ placed, key, hops, origin, sequence }: PlacedMessage): void {
    if (hops === 0 && origin === this.#state.cluster.self)
      remember(this.#sent, nameOf(placed, key), sequence + 1)
  }

  /** The answer to a call of ours. One of a former owner counts as none. */
  answered(
    { placed, key, epoch, call, ok, body }: Extract<Message, { type: 'placed.reply' }>,
    from: PeerId,
  ): void {
    const { world } = this.#state
    if (ok && this.#isFormer(placed, key, { epoch, owner: from })) world.settle(call, formerly)
    else world.settle(call, ok ? unpacked(body) : { ok, reason: unpackReason(body) })
  }

  /** Whether an answer comes from an epoch that another has followed: nobody is answered in an earlier one after a later one. */
  #isFormer(placed: string, key: string, epoch: Epoch): boolean {
    if (isPlanted('no-epoch-check')) return false
    const { directory } = this.#state
    const name = nameOf(placed, key)
    const latest = directory.latest(placed, key)
    const before = this.#answered.get(name)
    // The same peer may have gone on in a later epoch since, with the same process.
    if (latest !== undefined && isLater(latest, epoch) && latest.owner !== epoch.owner) return true
    if (before !== undefined && isLater(before, epoch) && before.owner !== epoch.owner) return true
    directory.heard(placed, key, epoch)
    if (before === undefined || isLater(epoch, before))
      remember(this.#answered, name, { epoch: epoch.epoch, owner: epoch.owner })
    return false
  }

  /** It has ended: the next one of that name is sent to from 0. */
  forget(placed: string, key: string): void {
    this.#sent.delete(nameOf(placed, key))
    this.#answered.delete(nameOf(placed, key))
  }
}

function remember<Value>(all: Map<string, Value>, name: string, value: Value): void {
  all.delete(name)
  all.set(name, value)
  if (all.size > mostRemembered) all.delete(all.keys().next().value as string)
}
