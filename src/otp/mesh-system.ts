import * as v from 'valibot'
import { checkOptions } from '../errors/index.js'
import type { Cluster } from '../mesh/index.js'
import { packValue, unpackValue } from '../wire/index.js'
import { Answers } from './answers.js'
import { defaultTimeout } from './call-options.js'
import type { CallOutcome } from './calls.js'
import { ExitError, type ExitReason } from './exit.js'
import { GenServer, type GenServerClass, type SystemInfo } from './gen-server.js'
import { KeptMessages } from './kept-messages.js'
import { homes, outside } from './local-system.js'
import { Names } from './names.js'
import type { DefineProcessOptions } from './placed-definition.js'
import { placedStartTimeout } from './placed-instance.js'
import { Placement } from './placement.js'
import type { Process } from './process.js'
import { PlacedRef, type ProcessRef, type Target } from './ref.js'
import { Remote } from './remote.js'
import type { SnapshotStore } from './snapshot-store.js'
import { ProcessSystem, type ProcessSystemOptions } from './system.js'
import { type PeerTrees, Trees } from './trees.js'

export interface MeshProcessSystemOptions extends ProcessSystemOptions {
  /** The mesh that this page is in. */
  readonly cluster: Cluster
  /** Where placed processes keep their snapshots; without it they do not outlive a crash of their peer. */
  readonly snapshots?: SnapshotStore
}

const placedName = v.pipe(
  v.string('must be a string'),
  v.minLength(1, 'must not be empty'),
  v.maxLength(1024, 'must be at most 1,024 characters long'),
)
const placeOptions = v.strictObject({ name: placedName, key: placedName })
const defineOptions = v.strictObject({
  name: placedName,
  server: v.custom<GenServerClass>(
    (given) => typeof given === 'function' && given.prototype instanceof GenServer,
    'must be a class that extends GenServer',
  ),
  snapshotEvery: v.optional(
    v.pipe(v.number('must be a number of milliseconds'), v.minValue(0, 'must be 0 ms or more')),
  ),
})

/** The processes of a page that is in a mesh: names that every peer knows, processes of other peers, placed ones. */
export class MeshProcessSystem extends ProcessSystem {
  readonly #cluster: Cluster
  readonly #names: Names
  readonly #kept: KeptMessages
  readonly #remote: Remote
  readonly #placement: Placement
  readonly #trees: Trees
  readonly #endMerges: () => void

  constructor(options: MeshProcessSystemOptions) {
    const { cluster } = options
    super(options, cluster.self)
    this.#cluster = cluster
    this.#trees = new Trees(this.processes, cluster)
    const local = (id: string): Process | undefined => this.processes.get(id)
    this.#names = new Names(
      {
        runtime: options.runtime,
        local,
        lost: (process, name, survivor) => this.#lost(process, name, survivor),
      },
      cluster,
    )
    this.table = this.#names
    const world = {
      local,
      ended: (ref: ProcessRef) => this.#names.ended(ref),
      request: (target: Target, request: unknown, timeout: number, settle: (outcome: CallOutcome) => void) =>
        this.request(target, request, timeout, settle),
      settleCall: (id: number, reason: ExitReason) => this.settleCall(id, reason),
      answerCall: (id: number, outcome: CallOutcome) => this.calls.settle(id, outcome),
      soon: (act: () => void) => this.soon(act),
    }
    this.#kept = new KeptMessages(cluster)
    const answers = new Answers(cluster, this.#kept)
    const remote = new Remote(cluster, world, this.#kept, answers)
    this.#remote = remote
    const placement = new Placement(
      cluster,
      {
        request: world.request,
        soon: world.soon,
        settle: (call, outcome) => this.calls.settle(call, outcome),
        answer: (peer, answer, refusal) => answers.send(peer, answer, refusal),
        hold: (peer, id) => {
          const call = this.calls.get(id)
          if (call !== undefined) remote.hold(peer, call)
        },
        signal: (process, reason) => process.signal(outside, reason),
        launchPlaced: (server, args, snapshot, done) => {
          const options = { args, snapshot, timeout: placedStartTimeout, parentRef: outside }
          return this.launchServer(new server(), 'worker', options, done)
        },
      },
      options.snapshots,
    )
    this.#placement = placement
    this.away = {
      call(route, request, timeout, call) {
        if ('placed' in route) placement.send(route, 'call', request, call, timeout)
        else remote.call(route, request, timeout, call)
      },
      tell(route, kind, message) {
        if ('placed' in route) placement.send(route, kind, message)
        else remote.cast(route, message, kind === 'info')
      },
      reply: (peer, call, value) => remote.reply(peer, call, value),
      refuse: (peer, call, reason) => remote.settleRemotely(peer, call, { ok: false, reason }),
      stop: (ref, reason) => remote.stop(ref, reason),
      exit: (from, ref, reason) => remote.exit(from, ref, reason, false),
      monitor: (ref, down) => remote.monitor(ref, down),
      link: (process, ref) => remote.link(process, ref),
      whereis: (ref) => placement.whereis(ref),
    }
    this.#endMerges = cluster.serve('process.merge', ({ process, snapshot }, request) => {
      local(process)?.deliver({ kind: 'merge', snapshot: unpackValue(snapshot) })
      request.reply({ type: 'process.taken' })
    })
  }

  /** Lets this peer host processes that are placed under `name`. Every peer that may host them calls it, at the start. */
  define(name: string, server: GenServerClass, options: DefineProcessOptions = {}): void {
    const checked = checkOptions(defineOptions, { name, server, ...options }, 'define')
    this.#placement.define(checked.name, checked.server, options)
  }

  /**
   * Has the process that is defined under `name` run for `key`, on the ring owner of the key; the
   * same call from anywhere gives the same process. Its `init` gets `args` the first time, and its
   * last snapshot after every move or crash.
   *
   * @throws {ExitError} what its `init` threw, or that no peer has defined it
   */
  async place(name: string, key: string, args?: unknown): Promise<PlacedRef> {
    checkOptions(placeOptions, { name, key }, 'place')
    return new Promise((resolve, reject) => {
      this.#placement.place(name, key, args, (reason) => {
        if (reason === undefined) {
          const ref = new PlacedRef(name, key)
          homes.set(ref, this)
          resolve(ref)
        } else reject(new ExitError(reason, `place ${name} for ${key}`))
      })
    })
  }

  /** The placed processes that run on this peer now. */
  placed(): { placed: string; key: string; epoch: number; ref: ProcessRef | undefined }[] {
    return this.#placement.instances()
  }

  /** The names of the whole mesh and their holders, in the order of the names. */
  names(): [name: string, ref: ProcessRef][] {
    return this.#names.entries()
  }

  /** The supervision trees of every peer that answers in time. */
  tree(): Promise<PeerTrees[]> {
    return this.#trees.all()
  }

  /** Ends every process of this page at once and lets the mesh go. */
  override close(): void {
    super.close()
    this.#placement.close()
    this.#remote.close()
    this.#kept.close()
    this.#names.close()
    this.#trees.close()
    this.#endMerges()
  }

  /** A name was found on both sides after a partition, and this process is not the one that keeps it. */
  #lost(process: Process, name: string, survivor: ProcessRef): void {
    const reason: ExitReason = { type: 'shutdown', detail: { nameConflict: name, survivor } }
    const stop = (): void => process.deliver({ kind: 'stop', reason })
    process.deliver({ kind: 'info', message: { type: 'name_conflict', name, survivor } satisfies SystemInfo })
    process.deliver({
      kind: 'snapshot',
      done: (snapshot) => {
        if (snapshot === undefined) {
          stop()
          return
        }
        try {
          const message = {
            type: 'process.merge',
            process: survivor.id,
            snapshot: packValue(snapshot),
          } as const
          this.#cluster.request(survivor.peer, message, defaultTimeout, stop)
        } catch (error) {
          this.runtime.log('error', 'a snapshot cannot be packed', { name, error: String(error) })
          stop()
        }
      },
    })
  }
}
