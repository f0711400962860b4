import { randomId, seededRandom, type VirtualTime } from '../runtime/index.js'
import type { PeerId, PeerInfo } from '../wire/index.js'
import type { PageState } from './membership-node.js'
import type { NetworkOptions } from './network.js'
import { NodeRuntime } from './node-runtime.js'
import type { TraceHash } from './trace-hash.js'

/** What every world of simulated pages is made with. */
export interface WorldOptions<World> {
  readonly time: VirtualTime
  readonly hash: TraceHash
  readonly seed: string | number
  readonly network: NetworkOptions
  /** Sees each step that a node traces; for the transcript of a replay. */
  readonly onTrace?: (
    node: string,
    event: string,
    details: readonly (string | number | boolean)[],
    world: World,
  ) => void
}

/** What is settled of a page before anything runs in it. */
export interface NewPage {
  /** How many pages came before it. */
  readonly number: number
  readonly name: string
  readonly info: PeerInfo
  readonly runtime: NodeRuntime
}

interface Page {
  readonly number: number
  readonly info: PeerInfo
  page: PageState
}

/** The pages of a world, those that are gone too, in the order in which they came. */
export class Pages<Node extends Page, World> {
  readonly all: Node[] = []
  readonly #world: World
  readonly #options: WorldOptions<World>
  readonly #byId = new Map<PeerId, Node>()

  constructor(world: World, options: WorldOptions<World>) {
    this.#world = world
    this.#options = options
  }

  /** The next page: its chance and its id follow from the seed and its name alone. */
  create(name: string): NewPage {
    const { time, hash, seed, onTrace } = this.#options
    const number = this.all.length
    const runtime = new NodeRuntime(time, hash, seed, name, number)
    if (onTrace !== undefined)
      runtime.onTrace = (event, details) => onTrace(name, event, details, this.#world)
    const id = randomId({ random: seededRandom(`${seed}/id/${name}`) })
    return { number, name, info: { id, kind: 'tab', weight: 1, host: `host-${number}` }, runtime }
  }

  /** A page that a lying server introduces and that never was. */
  ghost(name: string): PeerInfo {
    const id = randomId({ random: seededRandom(`${this.#options.seed}/ghost/${name}`) })
    return { id, kind: 'tab', weight: 1, host: id }
  }

  add(node: Node): void {
    this.all.push(node)
    this.#byId.set(node.info.id, node)
  }

  get(id: PeerId): Node | undefined {
    return this.#byId.get(id)
  }

  /** The page of this number, unless it is gone. */
  living(number: number): Node | undefined {
    const node = this.all[number]
    return node?.page === 'gone' ? undefined : node
  }

  /** All that are not gone. */
  up(): Node[] {
    return this.all.filter(({ page }) => page !== 'gone')
  }
}
