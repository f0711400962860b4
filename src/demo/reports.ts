import type { Mesh } from '../index.js'
import { type Fault, isFault } from './fault.js'

/** Milliseconds between two reports of one peer, unless its ring changed. */
const every = 400

/** What every peer of the demo tells the others of itself, so that each can show the whole mesh. */
export interface Report {
  readonly demo: 'report'
  /** Its view of the ring. */
  readonly view: string
  /** Its links: peer and kind. */
  readonly links: readonly (readonly [peer: string, kind: 'direct' | 'relay'])[]
  /** Tasks that it handed out since the last report: worker and count. */
  readonly given: readonly (readonly [peer: string, count: number])[]
  /** What others may order it to do to itself. */
  readonly offers: readonly Fault[]
}

/** Tells the other peers of this one by messages, and collects what they tell. */
export class Reports {
  readonly #mesh: Mesh
  readonly #listeners = new Set<(report: Report, from: string) => void>()
  readonly #views = new Map<string, string>()
  readonly #offersOf = new Map<string, readonly Fault[]>()
  readonly #given = new Map<string, number>()
  readonly #stops: (() => void)[]
  #offers: readonly Fault[] = []
  #told: Report | undefined
  #last = ''

  constructor(mesh: Mesh) {
    this.#mesh = mesh
    const timer = setInterval(() => this.#tell(false), every)
    this.#stops = [
      () => clearInterval(timer),
      mesh.on('ring', () => this.#tell(true)),
      mesh.on('up', () => this.#tell(true)),
      mesh.on('down', ({ id }) => {
        this.#views.delete(id)
        this.#offersOf.delete(id)
      }),
      mesh.on('message', (message, from) => this.#hear(message, from)),
    ]
  }

  /** Calls `listener` for the reports of others. Returns the way back. */
  on(listener: (report: Report, from: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Whether all peers that report see the ring as this one does. */
  get isAgreed(): boolean {
    const { view } = this.#mesh
    return this.#mesh.members().every(({ id, state }) => {
      if (id === this.#mesh.id || state !== 'alive') return true
      const told = this.#views.get(id)
      // Plain pages with the script tag are peers, too, and report nothing.
      return told === undefined || told === view
    })
  }

  /** Tells the others what they may order this peer to do to itself. */
  offer(faults: readonly Fault[]): void {
    this.#offers = faults
    this.#tell(true)
  }

  /** What a peer may be ordered to do to itself, as it told. */
  offersOf(id: string): readonly Fault[] {
    return this.#offersOf.get(id) ?? []
  }

  stop(): void {
    for (const stop of this.#stops) stop()
  }

  #tell(isUrgent: boolean): void {
    const { members, view } = { members: this.#mesh.members(), view: this.#mesh.view }
    const links: [string, 'direct' | 'relay'][] = []
    for (const { id, link } of members) if (link === 'direct' || link === 'relay') links.push([id, link])
    const report: Report = { demo: 'report', view, links, given: this.#handedOut(), offers: this.#offers }
    this.#told = report
    const written = JSON.stringify({ view, links })
    if (!isUrgent && report.given.length === 0 && written === this.#last) return
    this.#last = written
    this.#send(undefined, report)
  }

  /** @param to - undefined for everybody */
  #send(to: string | undefined, report: Report): void {
    try {
      const sent = to === undefined ? this.#mesh.broadcast(report) : this.#mesh.send(to, report)
      // Nobody waits: a report that finds the queues full is out of date when they are not.
      sent?.catch(() => {})
    } catch {
      // The mesh was left, or is full: the next report says it all again.
    }
  }

  #handedOut(): [string, number][] {
    const { tasks } = this.#mesh
    const given = new Map<string, number>()
    for (const name of tasks.names()) {
      for (const [worker, { assigned }] of tasks.shares(name)) {
        const key = `${name} ${worker}`
        const count = assigned - (this.#given.get(key) ?? 0)
        this.#given.set(key, assigned)
        if (count > 0) given.set(worker, (given.get(worker) ?? 0) + count)
      }
    }
    return [...given]
  }

  #hear(message: unknown, from: string): void {
    const report = readReport(message)
    if (report === undefined) return
    // A newcomer did not hear what was said before it listened.
    if (!this.#views.has(from) && this.#told !== undefined) this.#send(from, { ...this.#told, given: [] })
    this.#views.set(from, report.view)
    this.#offersOf.set(from, report.offers)
    for (const listener of this.#listeners) listener(report, from)
  }
}

/** Makes a report of whatever a peer sent; undefined where it is none. */
export function readReport(message: unknown): Report | undefined {
  if (typeof message !== 'object' || message === null) return undefined
  const { demo, view, links, given, offers } = message as Partial<Report>
  if (demo !== 'report' || typeof view !== 'string' || !Array.isArray(links) || !Array.isArray(given))
    return undefined
  const isPair = (pair: unknown): pair is [unknown, unknown] => Array.isArray(pair) && pair.length === 2
  return {
    demo,
    view,
    links: (links as unknown[]).flatMap((link) =>
      isPair(link) ? [[String(link[0]), link[1] === 'relay' ? 'relay' : 'direct'] as const] : [],
    ),
    given: (given as unknown[]).flatMap((one) =>
      isPair(one) ? [[String(one[0]), Math.max(0, Math.floor(Number(one[1])) || 0)] as const] : [],
    ),
    offers: Array.isArray(offers) ? (offers as unknown[]).filter(isFault) : [],
  }
}
