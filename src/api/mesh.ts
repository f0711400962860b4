import { InvalidOption, RingmeshError } from '../errors/index.js'
import type { ClusterEvents, Member, MeshCore } from '../mesh/index.js'
import {
  type DefineProcessOptions,
  type GenServerClass,
  type MeshProcessSystem,
  type PeerTrees,
  type PlacedRef,
  Supervisor,
  type SupervisorSpec,
} from '../otp/index.js'
import type { ReadonlyRing } from '../ring/index.js'
import type { StateService, StateStats, Store, StoreOptions } from '../store/index.js'
import type { TaskService, TaskStats } from '../tasks/index.js'
import type { PeerId } from '../wire/index.js'
import type { MessageListener, Messages } from './messages.js'

/** The rooms that a mesh is made of; `join` makes them. */
export interface MeshParts {
  readonly core: MeshCore
  readonly messages: Messages
  readonly state: StateService
  readonly tasks: TaskService
  readonly processes: MeshProcessSystem
  /** What else is undone once the mesh has been left. */
  readonly stops: readonly (() => void)[]
}

/** What `mesh.on` may be asked for. */
export interface MeshEvents extends Pick<ClusterEvents, 'up' | 'down' | 'change'> {
  /** The ring changed: its new digest, and the fraction of the key space whose owner is another now. */
  ring(change: { readonly view: string; readonly moved: number }): void
  /** A peer sent something with `send` or `broadcast`. */
  message: MessageListener
}

/** Counters and gauges of one peer. */
export interface MeshStats {
  /** Requests of this peer that wait for an answer. */
  readonly requests: number
  /** What went over the links, to each peer and in all. */
  readonly links: ReturnType<MeshCore['stats']>['links']
  /** Peers that the signalling server announced and that have not answered; of a lying one there may be many. */
  readonly introductions: ReturnType<MeshCore['stats']>['introductions']
  /** The share of the sharded state that is held here. */
  readonly state: StateStats
  /** Tasks that were asked for and run here. */
  readonly tasks: TaskStats
  /** Processes of this peer. */
  readonly processes: number
}

/** This page's place in the cluster; `join` gives it. */
export class Mesh {
  /** Round-robin tasks over all peers. */
  readonly tasks: TaskService
  readonly #parts: MeshParts
  #leaving: Promise<void> | undefined
  #hasLeft = false

  /** @internal */
  constructor(parts: MeshParts) {
    this.#parts = parts
    this.tasks = parts.tasks
  }

  /** This peer's id: fresh for every `join`. */
  get id(): PeerId {
    return this.#parts.core.self
  }

  /** All peers that are here, this one included, in the order of their ids. */
  members(): readonly Member[] {
    return this.#parts.core.members()
  }

  /** The hash ring over the members that hold state. It is replaced, never altered: read it anew after `ring`. */
  get ring(): ReadonlyRing {
    return this.#parts.core.ring
  }

  /** Digest of the members on the ring, in hexadecimal; equal on two peers exactly when their rings are equal. */
  get view(): string {
    return this.#parts.core.view
  }

  /**
   * Calls `listener` whenever something happens:
   * `up`, `down` and `change` with a member, `ring` when keys have new owners, `message` when a peer sends one.
   *
   * @returns the function that ends it
   * @throws {InvalidOption} for another name, or a listener that is no function
   */
  on<E extends keyof MeshEvents>(event: E, listener: MeshEvents[E]): () => void {
    const { core, messages } = this.#parts
    if (typeof listener !== 'function') throw new InvalidOption('on.listener', listener, 'must be a function')
    switch (event) {
      case 'message':
        return messages.on(listener as MessageListener)
      case 'ring': {
        const tell = listener as MeshEvents['ring']
        return core.on('ring', ({ view, moved }) => tell({ view, moved }))
      }
      case 'up':
      case 'down':
      case 'change':
        return core.on(event, listener as MeshEvents['up'])
      default:
        throw new InvalidOption('on.event', event, "must be 'up', 'down', 'change', 'ring' or 'message'")
    }
  }

  /**
   * Sends a value to a peer: exactly once, in order, for as long as both live.
   *
   * @returns nothing when it is on its way; a promise, which settles when it is, when the queue to
   * that peer is full. Wait for it before sending more.
   * @throws {RingmeshError} `UnknownPeer`, `TooLarge` (8 MiB), `QueueFull` when nobody waited, `Closed` once
   * the mesh was left
   * @throws {InvalidOption} when the value cannot be cloned
   */
  send(peerId: PeerId, message: unknown): Promise<void> | undefined {
    return this.#parts.messages.send(peerId, message)
  }

  /** Sends a value to every other peer that is here now; see {@link send}. */
  broadcast(message: unknown): Promise<void> | undefined {
    return this.#parts.messages.broadcast(message)
  }

  /**
   * Opens a store of the sharded state. The same name opens the same store on every peer.
   *
   * @throws {InvalidOption} for wrong options, or when it is open here with other ones
   * @throws {RingmeshError} `Closed` once the mesh was left
   */
  store<Value = unknown>(name: string, options?: StoreOptions<Value>): Store<Value> {
    this.#refuseWhenLeft('store')
    return this.#parts.state.open<Value>(name, options)
  }

  /**
   * Starts a supervisor and its children in this page; resolves when all of them run.
   *
   * @throws {InvalidOption} naming the field of a specification that is wrong
   * @throws {ExitError} when a child does not start
   * @throws {RingmeshError} `Closed` once the mesh was left
   */
  async supervise(spec: SupervisorSpec): Promise<Supervisor> {
    this.#refuseWhenLeft('supervise')
    return Supervisor.start(this.#parts.processes, spec)
  }

  /**
   * Lets this peer host processes that are placed under `name`. Every peer that may host them calls
   * it, before the first `place`.
   *
   * @throws {InvalidOption} for a wrong argument
   * @throws {RingmeshError} `Closed` once the mesh was left
   */
  define(name: string, server: GenServerClass, options?: DefineProcessOptions): void {
    this.#refuseWhenLeft('define')
    this.#parts.processes.define(name, server, options)
  }

  /**
   * Has the process that is defined under `name` run for `key`, on the ring owner of the key. The same
   * call from anywhere gives the same process; it moves with its range, and after a crash of its peer it
   * starts again from its last snapshot.
   *
   * @param args - given to `init` the first time
   * @throws {ExitError} what `init` threw, or that no peer has defined it
   * @throws {RingmeshError} `Closed` once the mesh was left
   *
   * @example
   * ```ts
   * mesh.define('game', Game)
   * const game = await mesh.place('game', 'room-42')
   * await call(game, { move: 'e4' })
   * ```
   */
  async place(name: string, key: string, args?: unknown): Promise<PlacedRef> {
    this.#refuseWhenLeft('place')
    return this.#parts.processes.place(name, key, args)
  }

  /** The supervision trees of every peer that answers within 2 s, its own first; none once the mesh was left. */
  tree(): Promise<PeerTrees[]> {
    return this.#parts.processes.tree()
  }

  /** Counters since the start, and gauges of now. */
  stats(): MeshStats {
    const { core, state, tasks, processes } = this.#parts
    return { ...core.stats(), state: state.stats(), tasks: tasks.stats(), processes: processes.size }
  }

  /** Hands over what this peer holds, says goodbye and closes everything; at most 10 s. Idempotent. */
  leave(): Promise<void> {
    this.#leaving ??= new Promise((resolve) => {
      const { core, messages, tasks, processes, state, stops } = this.#parts
      core.leave(() => {
        this.#hasLeft = true
        messages.close()
        tasks.close()
        processes.close()
        for (const stop of stops) stop()
        // Last, as the others keep their records in it; what it holds is on the disk when it is done.
        state.close(resolve)
      })
    })
    return this.#leaving
  }

  /** What belongs to a mesh that was left would never do anything, and wait for others in vain. */
  #refuseWhenLeft(method: string): void {
    if (this.#hasLeft) throw new RingmeshError('Closed', `${method}: the mesh was left`)
  }
}
