import type { BrowserContext } from '@playwright/test'
import { checkNames } from '../errors/index.js'
import { Edge } from './edge.js'
import { PageServer } from './page-server.js'
import type { Peer } from './peer.js'
import { SignalControl } from './signal-control.js'
import { Tab } from './tab.js'
import { Trace } from './trace.js'

/** Options of a test's cluster: `test.use({ ringmesh: { … } })`. */
export interface ClusterOptions {
  /**
   * The page that tabs open, instead of a blank one. It gets `?signal=` and `?room=` to join by, and
   * must put its mesh at `window.mesh`, and, to be partitioned, its `Chaos` at `window.chaos`.
   */
  url?: string
  /** The room. Default `test`. */
  room?: string
}

/** Milliseconds between two looks at whether the peers agree. */
const lookEvery = 50

/** What one peer sees. */
interface View {
  readonly id: string
  readonly view: string
  readonly members: readonly string[]
}

/** A signalling server, and the tabs and edge workers that a test has it join. */
export class Cluster {
  readonly #trace = new Trace()
  /** The signalling server, to be stopped and started. */
  readonly signal = new SignalControl(this.#trace)
  readonly #context: BrowserContext
  readonly #pages: PageServer
  readonly #options: ClusterOptions
  readonly #peers: Peer[] = []

  /** @internal */
  static async start(context: BrowserContext, options: ClusterOptions): Promise<Cluster> {
    checkNames(options, ['url', 'room'], 'ringmesh')
    const cluster = new Cluster(context, await PageServer.start(), options)
    await cluster.signal.start()
    return cluster
  }

  private constructor(context: BrowserContext, pages: PageServer, options: ClusterOptions) {
    this.#context = context
    this.#pages = pages
    this.#options = options
  }

  get room(): string {
    return this.#options.room ?? 'test'
  }

  /** All peers that are there: neither crashed nor left. */
  get peers(): readonly Peer[] {
    return this.#peers.filter(({ isThere }) => isThere)
  }

  /** Opens one more tab; resolves when it is in the mesh. */
  async tab(): Promise<Tab> {
    const url = new URL(this.#options.url ?? this.#pages.url)
    url.searchParams.set('signal', this.signal.url)
    url.searchParams.set('room', this.room)
    const tab = await Tab.open(this.#context, url.href, this.#trace)
    this.#peers.push(tab)
    return tab
  }

  /** Opens `count` tabs; resolves when all of them and those before agree on who is here. */
  async tabs<Count extends number>(count: Count): Promise<Tuple<Tab, Count>> {
    const tabs: Tab[] = []
    for (let opened = 0; opened < count; opened++) tabs.push(await this.tab())
    await this.settled()
    return tabs as Tuple<Tab, Count>
  }

  /**
   * Starts an edge worker; resolves when it is in the mesh.
   * @param options - `data`: a folder for its state; default: it keeps none
   */
  async edge(options: { data?: string } = {}): Promise<Edge> {
    checkNames(options, ['data'], 'edge')
    const edge = await Edge.start(this.signal.url, this.room, options.data, this.#trace)
    this.#peers.push(edge)
    return edge
  }

  /** Parts the cluster: frames pass only inside of a group. Peers in no group are cut off from all. */
  async partition(...groups: readonly (readonly Peer[])[]): Promise<void> {
    const groupOf = (peer: Peer): readonly Peer[] => groups.find((group) => group.includes(peer)) ?? [peer]
    await Promise.all(
      this.peers.map((peer) => {
        const mine = groupOf(peer)
        return peer.cut(this.peers.filter((other) => !mine.includes(other)).map(({ id }) => id))
      }),
    )
  }

  /** Ends every partition. */
  async heal(): Promise<void> {
    await Promise.all(this.peers.map((peer) => peer.cut([])))
  }

  /**
   * Resolves when every peer that is there has the same view, of exactly these peers; rejects with
   * what each one sees when that takes longer than `timeout` milliseconds.
   */
  async settled(options: { timeout?: number } = {}): Promise<void> {
    checkNames(options, ['timeout'], 'settled')
    const { timeout = 30_000 } = options
    const end = Date.now() + timeout
    let seen: readonly View[] = []
    const disagreement = (when: string): Error =>
      new Error(`the peers did not agree ${when}: ${JSON.stringify(seen, null, 2)}`)
    for (;;) {
      // It also fails when the test's own time is over, which Playwright's words for it say nothing more of.
      seen = await this.#seen().catch((error: Error) => {
        throw disagreement(`(${error.message})`)
      })
      const expected = this.peers
        .map(({ id }) => id)
        .sort()
        .join()
      const agree = seen.every(({ view, members }) => view === seen[0]?.view && members.join() === expected)
      if (agree) return
      if (Date.now() > end) throw disagreement(`in ${timeout} ms`)
      await new Promise((resolve) => setTimeout(resolve, lookEvery))
    }
  }

  /**
   * What happened so far, a line each: what the test did, what each peer's mesh said, and the warnings
   * and errors of the pages. Attached to the report of a test that fails.
   */
  get trace(): string {
    return this.#trace.text
  }

  /** @internal What each peer sees, for the report of a test that failed. */
  async report(): Promise<string> {
    const reports = this.peers.map((peer) =>
      peer
        .evaluate((mesh) => ({ id: mesh.id, view: mesh.view, members: mesh.members(), stats: mesh.stats() }))
        .catch((error: Error) => ({ id: peer.id, error: error.message })),
    )
    return JSON.stringify(await Promise.all(reports), null, 2)
  }

  /** @internal */
  async stop(): Promise<void> {
    // Tabs go with their context; an edge worker is a process that would stay.
    await Promise.all(this.#peers.filter((peer) => peer instanceof Edge).map((edge) => edge.crash()))
    await this.signal.stop()
    await this.#pages.stop()
  }

  #seen(): Promise<View[]> {
    return Promise.all(
      this.peers.map((peer) =>
        peer.evaluate((mesh) => ({
          id: mesh.id,
          view: mesh.view,
          // A suspect is not gone yet, and who is joining or leaving has not finished.
          members: mesh
            .members()
            .map(({ id, state }) => (state === 'alive' || state === 'parked' ? id : `${id} ${state}`))
            .sort(),
        })),
      ),
    )
  }
}

/** `Count` elements, so that `const [a, b] = await cluster.tabs(2)` knows that they are there. */
type Tuple<Element, Count extends number, Elements extends Element[] = []> = number extends Count
  ? Element[]
  : Elements['length'] extends Count
    ? Elements
    : Tuple<Element, Count, [...Elements, Element]>
