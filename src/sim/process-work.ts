import type { Cluster } from '../mesh/index.js'
import {
  ExitError,
  GenServer,
  MeshProcessSystem,
  type PlacedRef,
  type SnapshotStore,
  Supervisor,
  sameProcess,
} from '../otp/index.js'
import { seededRandom } from '../runtime/index.js'
import type { PeerId, PeerInfo } from '../wire/index.js'
import type { PageState } from './membership-node.js'
import type { NodeRuntime } from './node-runtime.js'

/** Keys that processes are placed for, by all pages. Few, so that all meet at each. */
const keys = Array.from({ length: 8 }, (_, number) => `room ${number}`)

/** Names that all pages contend for. */
const names = Array.from({ length: 4 }, (_, number) => `clerk ${number}`)

/** Milliseconds between two things that a page does with its processes, on average. */
const workPeriod = 700

/** Milliseconds that asking takes at most: `place` tries for 10 s while the members do not agree. */
const longestAsking = 10_000

/** What the trees of the pages allow; OTP's defaults. */
const maxRestarts = 3
const maxSeconds = 5
const supervised = ['a', 'b', 'c'] as const

/** Kills in a row, this many milliseconds apart: one more than a supervisor bears, spread over its children. */
const burst = 5
const burstPeriod = 300

/** Who answered, and when by its own account. */
export interface Answer {
  readonly key: string
  readonly peer: PeerId
  readonly process: string
  readonly epoch: number
}

/** An entry that a ledger has acknowledged. */
export interface Entered {
  readonly key: string
  readonly entry: string
  readonly at: number
  /** The page that its ledger ran in. */
  readonly by: PeerId
}

/** The page that the processes of a world run in, as much of it as they need. */
export interface WorkingPage {
  readonly name: string
  readonly info: PeerInfo
  readonly runtime: NodeRuntime
  readonly core: Cluster
  readonly page: PageState
  /** Calls under way, and what they are. */
  readonly calls: ReadonlySet<{ readonly what: string }>
  /** Watches that `promise` comes back in time, and that what it rejects with has a type. */
  watched<Value>(what: string, promise: Promise<Value>, timeout: number, done: (value: Value) => void): void
}

/** What a page tells of its processes. */
export interface ProcessEvents<Page> {
  /** A placed process handles a call: it answers for its key. */
  answers(answer: Answer): void
  /** The caller has been answered. */
  answered(caller: Page, answer: Answer): void
  entered(entered: Entered): void
  /** A start under a name has resolved. */
  named(node: Page, name: string): void
  asked(invariant: string): void
  wrong(invariant: string, explanation: string): void
}

/** Keeps what is entered; two that meet after a partition keep the entries of both. */
class Ledger extends GenServer {
  readonly entries = new Set<string>()

  override init(_args: unknown, snapshot: readonly string[] | undefined): void {
    for (const entry of snapshot ?? []) this.entries.add(entry)
  }

  override handleCall(entry: unknown): unknown {
    this.entries.add(String(entry))
    return undefined
  }

  override snapshot(): string[] {
    return [...this.entries]
  }

  override merge(entries: readonly string[]): void {
    for (const entry of entries) this.entries.add(entry)
  }
}

/** What one page does with processes: places ledgers and enters into them, starts and stops names, kills the children of a supervisor. */
export class ProcessWork<Page extends WorkingPage> {
  readonly system: MeshProcessSystem
  readonly #node: Page
  readonly #events: ProcessEvents<Page>
  readonly #chance: () => number
  /** The ledgers that run here, by the ids of their processes. */
  readonly #ledgers = new Map<string, Ledger>()
  #entries = 0
  #tree: Supervisor | undefined
  /** When children of the tree were started again. */
  #restarts: number[] = []

  constructor(node: Page, seed: string | number, snapshots: SnapshotStore, events: ProcessEvents<Page>) {
    this.#node = node
    this.#events = events
    this.#chance = seededRandom(`${seed}/processes/${node.name}`)
    const { runtime } = node
    this.system = new MeshProcessSystem({
      runtime,
      cluster: node.core,
      snapshots,
      defer: (run) => runtime.later(0, run),
    })
    this.system.define('ledger', this.#placedLedger())
  }

  /** Begins, once the page has joined. */
  begin(): void {
    this.#supervise()
    this.#work()
  }

  /** What the ledger of a key holds that runs here; undefined where none does. */
  entriesOf(key: string): ReadonlySet<string> | undefined {
    const running = this.system.placed().find((placed) => placed.key === key)
    return running?.ref === undefined ? undefined : this.#ledgers.get(running.ref.id)?.entries
  }

  /** How many processes were started under names, how many names this page holds, and how many starts are under way. */
  names(): { named: number; held: number; starting: number } {
    const { system } = this
    const { info, calls } = this.#node
    const inTree =
      this.#tree?.ref !== undefined && system.alive(this.#tree.ref) ? 1 + this.#tree.count().active : 0
    return {
      named: system.size - system.placed().filter(({ ref }) => ref !== undefined).length - inTree,
      held: system.names().filter(([, { peer }]) => peer === info.id).length,
      starting: [...calls].filter(({ what }) => what.includes('start of')).length,
    }
  }

  #placedLedger(): typeof Ledger {
    const { system } = this
    const ledgers = this.#ledgers
    const { info } = this.#node
    const events = this.#events
    return class extends Ledger {
      #key = ''
      #epoch = 0

      override init(args: unknown, snapshot: readonly string[] | undefined): void {
        super.init(args, snapshot)
        ledgers.set(this.self.id, this)
      }

      override handleCall(entry: unknown): Answer {
        super.handleCall(entry)
        // One that was fenced may handle what it was given before: it answers in the epoch that it had.
        const mine = system.placed().find(({ ref }) => ref?.id === this.self.id)
        this.#key = mine?.key ?? this.#key
        this.#epoch = mine?.epoch ?? this.#epoch
        const answer = { key: this.#key, peer: info.id, process: this.self.id, epoch: this.#epoch }
        if (mine !== undefined) events.answers(answer)
        return answer
      }
    }
  }

  #work(): void {
    const node = this.#node
    node.runtime.timer(workPeriod * (0.5 + this.#chance()), () => {
      if (node.page === 'gone' || node.page === 'leaving') return
      const choice = this.#chance()
      if (choice < 0.7) this.#enter(this.#one(keys))
      else if (choice < 0.95) this.#contend(this.#one(names))
      else this.#kill(burst)
      this.#work()
    })
  }

  #enter(key: string): void {
    const node = this.#node
    const entry = `${node.name}/${this.#entries++}`
    const asking = this.system
      .place('ledger', key)
      .then((ref: PlacedRef) => this.system.call(ref, entry, { timeout: longestAsking / 2 }))
    node.watched(`entry ${entry} for ${key}`, asking, longestAsking * 1.5, (answer) => {
      this.#events.answered(node, answer as Answer)
      this.#events.entered({ key, entry, at: node.runtime.time.now, by: (answer as Answer).peer })
    })
  }

  /** Starts what has the name, or stops who has it and takes its place at once. */
  #contend(name: string): void {
    const { system } = this
    const holder = system.whereis(name)
    if (holder === undefined) {
      this.#take(name)
      return
    }
    this.#node.watched(`stop of ${name}`, system.stop(name), longestAsking, () => {
      this.#events.asked('free-after-stop')
      const found = system.whereis(name)
      if (found !== undefined && sameProcess(found, holder))
        this.#events.wrong('free-after-stop', `${this.#node.name} finds ${name} after it stopped it`)
      const start = system.start(Ledger, { name }).catch((error: unknown) => {
        const reason = error instanceof ExitError ? error.reason : undefined
        if (
          reason?.type === 'already_started' &&
          reason.ref.id === holder.id &&
          reason.ref.peer === holder.peer
        )
          this.#events.wrong('free-after-stop', `${name} was not free for ${this.#node.name} after its stop`)
        throw error
      })
      this.#node.watched(`next start of ${name}`, start, longestAsking, () =>
        this.#events.named(this.#node, name),
      )
    })
  }

  #take(name: string): void {
    this.#node.watched(`start of ${name}`, this.system.start(Ledger, { name }), longestAsking, () =>
      this.#events.named(this.#node, name),
    )
  }

  #supervise(): void {
    this.#restarts = []
    let first = supervised.length
    const started = (): void => {
      if (first > 0) first--
      else this.#restarted()
    }
    class Clerk extends GenServer {
      override init(): void {
        started()
      }
    }
    const children = supervised.map((id) => ({ id, start: [Clerk] as const }))
    Supervisor.start(this.system, { maxRestarts, maxSeconds, children }).then(
      (tree) => {
        this.#tree = tree
        tree.onExit(() => this.#supervise())
      },
      (error: unknown) => this.#events.wrong('restart-intensity', `a tree did not start: ${error}`),
    )
  }

  #restarted(): void {
    const now = this.#node.runtime.now()
    this.#restarts = this.#restarts.filter((at) => now - at <= maxSeconds * 1_000)
    this.#restarts.push(now)
    this.#events.asked('restart-intensity')
    if (this.#restarts.length > maxRestarts)
      this.#events.wrong(
        'restart-intensity',
        `a supervisor of ${this.#node.name} restarted ${this.#restarts.length} times in ${maxSeconds} s`,
      )
  }

  /** Kills children in turn, so that none alone reaches what the supervisor bears. */
  #kill(left: number): void {
    const child = this.#tree?.children()[left % supervised.length]
    if (child?.ref !== undefined) this.system.exit(child.ref, 'killed')
    if (left > 1) this.#node.runtime.timer(burstPeriod, () => this.#kill(left - 1))
  }

  #one(list: readonly string[]): string {
    return list[Math.floor(this.#chance() * list.length)] as string
  }
}
