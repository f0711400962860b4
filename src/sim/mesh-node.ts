import type { OpenDirect, OpenSignaling, SignalingEvents } from '../links/index.js'
import { MeshCore } from '../mesh/index.js'
import { mergeSnapshots, storedSnapshots } from '../otp/index.js'
import { seededRandom } from '../runtime/index.js'
import { StateService, type Store } from '../store/index.js'
import { mergeTaskRecords, TaskService } from '../tasks/index.js'
import { type PeerId, type PeerInfo, packValue, unpackValue } from '../wire/index.js'
import type { PageState } from './membership-node.js'
import type { NodeRuntime } from './node-runtime.js'
import { type ProcessEvents, ProcessWork } from './process-work.js'
import type { SnapshotWitness } from './snapshot-witness.js'

/** Milliseconds between two things that a page does of its own accord, on average. */
const workPeriod = 1_000

/** Milliseconds that a call may take before it rejects. */
const callTimeout = 5_000

/** Milliseconds past its time-out by which a call must have come back, the page's own sleep not counted. */
const callGrace = 5_000

/** One message in so many is long: a link that breaks shall find pieces under way. */
const longEvery = 3
const longBytes = 200_000

/** A value whose write was acknowledged. */
export interface Acknowledged {
  readonly key: string
  readonly value: number
  readonly at: number
}

/** What the pages of a world tell it of their work. */
export interface MeshNodeEvents extends ProcessEvents<MeshNode> {
  /** The page is a member, and its work begins. */
  joined(node: MeshNode): void
  acknowledged(node: MeshNode, write: Acknowledged): void
  /** A numbered message arrived. */
  message(node: MeshNode, from: PeerId, number: number): void
  /** A member is dead or left, as this node believes. */
  down(node: MeshNode, id: PeerId): void
}

/** A call under way: it must not hang. */
interface Call {
  readonly what: string
  due: number
}

/**
 * A page with the whole of floors 1 to 4 in it, that puts keys, runs tasks and sends messages as
 * an application would.
 */
export class MeshNode {
  readonly number: number
  readonly name: string
  readonly info: PeerInfo
  readonly runtime: NodeRuntime
  readonly core: MeshCore
  readonly state: StateService
  readonly tasks: TaskService
  readonly processes: ProcessWork<MeshNode>
  readonly store: Store<number>
  /** What the signalling service would tell this page: for a server that lies. */
  signalingEvents: SignalingEvents | undefined
  page: PageState = 'joining'
  /** When it was opened, in virtual time. */
  readonly openedAt: number
  /** Messages sent and taken, by receiver: the number of the latest. */
  readonly sent = new Map<PeerId, number>()
  /** Peers that this node has believed gone at some time: their numbers may have gaps. */
  readonly sawDown = new Set<PeerId>()
  readonly calls = new Set<Call>()
  readonly #chance: () => number
  readonly #events: MeshNodeEvents
  #writes = 0

  constructor(options: {
    number: number
    name: string
    seed: string | number
    info: PeerInfo
    runtime: NodeRuntime
    openSignaling: OpenSignaling
    openDirect: OpenDirect
    snapshots: SnapshotWitness
    events: MeshNodeEvents
  }) {
    const { runtime, info } = options
    this.number = options.number
    this.name = options.name
    this.info = info
    this.runtime = runtime
    this.openedAt = runtime.time.now
    this.#events = options.events
    this.#chance = seededRandom(`${options.seed}/work/${options.name}`)
    this.core = new MeshCore({
      runtime,
      self: info,
      openSignaling: (self, events) => {
        const held = heldBack(runtime, events)
        this.signalingEvents = held
        return options.openSignaling(self, held)
      },
      openDirect: (remote, initiator, iceServers, signal, events, dial) =>
        options.openDirect(
          remote,
          initiator,
          iceServers,
          (payload) => runtime.hold(() => signal(payload)),
          heldBack(runtime, events),
          dial,
        ),
      relay: 'fallback',
      joined: () => {
        if (this.page === 'joining') this.page = 'shown'
        this.#work()
        this.#events.joined(this)
      },
      refused: (error) => this.#events.wrong('join', `${this.name} was refused: ${error.message}`),
    })
    this.state = new StateService({ cluster: this.core })
    const records = this.state.open('tasks', { merge: mergeTaskRecords })
    this.tasks = new TaskService({ cluster: this.core, records })
    const snapshots = this.state.open<Uint8Array>(
      'snapshots',
      { merge: mergeSnapshots, timeout: callTimeout },
      { fewerSuffice: true },
    )
    const watched = options.snapshots.watch(snapshots, this.info.id, () => runtime.time.now)
    this.processes = new ProcessWork(this, options.seed, storedSnapshots(watched), options.events)
    this.store = this.state.open<number>('simulated', { replicas: 3, writes: 2, timeout: callTimeout })
    this.tasks.define('square', (input: number) => input * input)
    this.core.receive('mesh.user', ({ body }, from) => {
      const value = unpackValue(body)
      const number = Array.isArray(value) ? value[0] : value
      if (typeof number === 'number') this.#events.message(this, from, number)
    })
    this.core.on('down', ({ id }) => this.#events.down(this, id))
  }

  /** Calls that should have come back by now. */
  hanging(now: number): string[] {
    const hanging: string[] = []
    for (const { what, due } of this.calls) if (now > due) hanging.push(what)
    return hanging
  }

  /** A call may not hang for longer than the page itself slept. */
  slept(milliseconds: number): void {
    for (const call of this.calls) call.due += milliseconds
  }

  /** Ends what runs in the page, as the page's own end does. */
  stop(): void {
    this.runtime.stop()
    this.page = 'gone'
    this.calls.clear()
  }

  /** Watches that `promise` comes back in time, and that what it rejects with has a type. */
  watched<Value>(what: string, promise: Promise<Value>, timeout: number, done: (value: Value) => void): void {
    const call: Call = { what: `${what} by ${this.name}`, due: this.runtime.time.now + timeout + callGrace }
    this.calls.add(call)
    promise.then(
      (value) => {
        this.calls.delete(call)
        if (this.page !== 'gone') done(value)
      },
      (error: unknown) => {
        this.calls.delete(call)
        this.#events.asked('typed-errors')
        if (!isTyped(error))
          this.#events.wrong('typed-errors', `${what} by ${this.name} rejected with ${error}`)
      },
    )
  }

  #work(): void {
    this.runtime.timer(workPeriod * (0.5 + this.#chance()), () => {
      if (this.page === 'gone' || this.page === 'leaving') return
      const choice = this.#chance()
      if (choice < 0.4) this.#put()
      else if (choice < 0.6) this.#run()
      else this.#send()
      this.#work()
    })
  }

  #put(): void {
    const value = this.#writes++
    const key = `${this.name}/${value}`
    this.watched(`put of ${key}`, this.store.put(key, value), callTimeout, () =>
      this.#events.acknowledged(this, { key, value, at: this.runtime.time.now }),
    )
  }

  #run(): void {
    const input = Math.floor(this.#chance() * 1_000)
    this.watched(
      `task square(${input})`,
      this.tasks.run('square', input, { timeout: callTimeout }),
      callTimeout,
      (output) => {
        this.#events.asked('right-results')
        if (output !== input * input)
          this.#events.wrong('right-results', `${this.name} got ${output} for square(${input})`)
      },
    )
  }

  #send(): void {
    const others = this.core.members().filter(({ id, link }) => id !== this.info.id && link !== 'none')
    const to = others[Math.floor(this.#chance() * others.length)]
    if (to === undefined) return
    const number = (this.sent.get(to.id) ?? 0) + 1
    const value = number % longEvery === 0 ? [number, new Uint8Array(longBytes)] : number
    if (this.core.send(to.id, { type: 'mesh.user', body: packValue(value) })) this.sent.set(to.id, number)
  }
}

function isTyped(error: unknown): boolean {
  return error instanceof Error && error.name !== 'Error' && error.name !== 'TypeError'
}

/** The same events, but none while the page is frozen, and none once it is gone. */
function heldBack<Events extends object>(runtime: NodeRuntime, events: Events): Events {
  return new Proxy(events, {
    get(target, name) {
      const handler: unknown = Reflect.get(target, name)
      if (typeof handler !== 'function') return handler
      return (...parameters: unknown[]) => runtime.hold(() => Reflect.apply(handler, target, parameters))
    },
  })
}
