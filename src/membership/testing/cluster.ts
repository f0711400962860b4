import { type Runtime, seededRandom, type Timer, VirtualTime } from '../../runtime/index.js'
import type { PeerInfo } from '../../wire/index.js'
import type { MembershipMessage } from '../claim.js'
import { Membership } from '../membership.js'
import type { Member } from '../peer.js'
import type { MemberState } from '../standing.js'

export interface ClusterSettings {
  seed?: string | number
  /** Fraction of the messages that are lost. */
  loss?: number
  /** Shortest and longest way one way, in milliseconds; each message draws its own. */
  delay?: readonly [number, number]
}

const onRing: ReadonlySet<MemberState> = new Set(['alive', 'suspect', 'leaving'])

/** One peer of a {@link TestCluster}, and what the network does to it. */
export class TestNode {
  readonly info: PeerInfo
  readonly membership: Membership
  readonly seen: { readonly at: number; readonly member: Member; readonly before: Member | undefined }[] = []
  isCrashed = false
  isFrozen = false
  /** Which side of a partition it is on. */
  side = 0
  /** What waits for a frozen page, in the order it fell due. */
  readonly backlog: (() => void)[] = []
  /** Milliseconds between two moments at which timers may fire, as in a hidden page; 0 for no limit. */
  timerPeriod = 0
  /** Messages sent, all and by type. */
  sent = 0
  readonly sentTypes = new Map<string, number>()

  constructor(cluster: TestCluster, info: PeerInfo) {
    this.info = info
    const runtime = cluster.time.runtime(info.id)
    const own: Runtime = {
      ...runtime,
      timer: (delay, fire) => this.#timer(runtime, delay, fire),
    }
    this.membership = new Membership({
      runtime: own,
      self: info,
      send: (to, message) => {
        this.sent++
        this.sentTypes.set(message.type, (this.sentTypes.get(message.type) ?? 0) + 1)
        cluster.deliver(this, to, message)
      },
      events: {
        change: (member, before) => this.seen.push({ at: cluster.time.now, member, before }),
      },
    })
  }

  /** A timer as this page is given it: not while frozen, and on the beat of `timerPeriod`. */
  #timer(runtime: Runtime, delay: number, fire: () => void): Timer {
    let isCancelled = false
    const run = (): void => {
      if (isCancelled || this.isCrashed) return
      const past = this.timerPeriod === 0 ? 0 : runtime.now() % this.timerPeriod
      if (this.isFrozen) this.backlog.push(run)
      else if (past < 1) fire()
      else runtime.timer(this.timerPeriod - past, run)
    }
    const timer = runtime.timer(delay, run)
    return {
      cancel: () => {
        isCancelled = true
        timer.cancel()
      },
    }
  }

  get id(): string {
    return this.info.id
  }

  /** Those of whom a ring would be made, with their weights. */
  get view(): string {
    return this.membership
      .members()
      .filter(({ state, weight }) => weight > 0 && onRing.has(state))
      .map(({ id, weight }) => `${id}:${weight}`)
      .join(' ')
  }

  freeze(): void {
    this.isFrozen = true
  }

  /** @param areTimersFirst - whether timers run before the frames that came before them */
  thaw(areTimersFirst = false): void {
    this.isFrozen = false
    if (areTimersFirst) this.backlog.sort((a, b) => Number(b.name === 'run') - Number(a.name === 'run'))
    for (const run of this.backlog.splice(0)) if (!this.isCrashed) run()
  }
}

/** Memberships joined by a network in memory that delays, loses, splits and reorders. */
export class TestCluster {
  readonly time: VirtualTime
  readonly nodes: TestNode[] = []
  readonly #byId = new Map<string, TestNode>()
  readonly #chance: () => number
  readonly #loss: number
  readonly #delay: readonly [number, number]
  /** Sees every message that is sent; answers false to drop it. */
  filter: (from: TestNode, to: string, message: MembershipMessage) => boolean = () => true

  constructor({ seed = 1, loss = 0, delay = [10, 30] }: ClusterSettings = {}) {
    this.time = new VirtualTime(seed)
    this.#chance = seededRandom(`${seed}/network`)
    this.#loss = loss
    this.#delay = delay
  }

  /** Adds a peer that knows nobody and is not started. */
  add(id = `peer-${this.nodes.length}-${'x'.repeat(12)}`, weight = 1): TestNode {
    const node = new TestNode(this, { id, kind: 'tab', weight, host: id })
    this.nodes.push(node)
    this.#byId.set(id, node)
    return node
  }

  /** Adds `count` peers, lets all of them join and waits until their views are equal. */
  form(count: number): this {
    for (let index = 0; index < count; index++) {
      const node = this.add()
      node.membership.start()
      for (const other of this.nodes) {
        if (other === node) continue
        node.membership.introduce(other.id)
        other.membership.introduce(node.id)
        node.membership.witness(other.id, true)
      }
    }
    this.time.advance(1_000)
    for (const node of this.nodes) node.membership.ready()
    this.until(() => this.agree(), 60_000)
    return this
  }

  deliver(from: TestNode, to: string, message: MembershipMessage): void {
    if (from.isCrashed || !this.filter(from, to, message)) return
    const target = this.#byId.get(to)
    if (target === undefined || target.side !== from.side || this.#chance() < this.#loss) return
    const [least, most] = this.#delay
    const arrive = (): void => {
      if (target.isCrashed || target.side !== from.side) return
      if (target.isFrozen) target.backlog.push(() => target.membership.receive(from.id, message))
      else target.membership.receive(from.id, message)
    }
    this.time.timer(least + this.#chance() * (most - least), arrive)
  }

  /** What the signalling server says to all when the socket of `id` closes. */
  socketClosed(id: string): void {
    for (const node of this.nodes) {
      if (node.id === id || node.isCrashed) continue
      this.time.timer(this.#delay[0] + this.#chance() * (this.#delay[1] - this.#delay[0]), () => {
        node.membership.witness(id, false)
        node.membership.hint(id)
      })
    }
  }

  get up(): TestNode[] {
    return this.nodes.filter((node) => !node.isCrashed)
  }

  /** Whether all peers that are up (of one side, if named) have the same view, and it holds exactly them. */
  agree(nodes: readonly TestNode[] = this.up): boolean {
    const expected = nodes
      .map((node) => node.id)
      .sort((a, b) => (a < b ? -1 : 1))
      .map((id) => `${id}:1`)
      .join(' ')
    return nodes.every((node) => node.view === expected)
  }

  /** Lets time pass until `condition` holds; answers the milliseconds it took. */
  until(condition: () => boolean, limit: number, step = 20): number {
    const from = this.time.now
    while (!condition()) {
      if (this.time.now - from >= limit) throw new Error(`not within ${limit} ms of virtual time`)
      this.time.advance(step)
    }
    return this.time.now - from
  }
}
