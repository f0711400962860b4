import type { Mesh } from '../index.js'

/** Lines that are kept; of a longer test the first go, as failures show late. */
const mostLines = 10_000

/** What happened in a cluster, in the order in which the test's process heard of it. */
export class Trace {
  readonly #start = Date.now()
  readonly #lines: string[] = []

  /**
   * Adds one event.
   *
   * @param who - the peer, `signal` or `test`
   */
  add(who: string, what: string, about = ''): void {
    const seconds = ((Date.now() - this.#start) / 1000).toFixed(3).padStart(8)
    this.#lines.push(`${seconds} s  ${who}  ${what}${about === '' ? '' : `  ${about}`}`)
    if (this.#lines.length > mostLines) this.#lines.shift()
  }

  /** All events, a line each. */
  get text(): string {
    return this.#lines.map((line) => `${line}\n`).join('')
  }
}

/** Tells `tell` what the mesh says from now on. It is sent to pages as text: it sees its parameters only. */
export function followMesh(mesh: Mesh, tell: (what: string, about: string) => void): void {
  tell('joined', `members: ${mesh.members().length}, view ${mesh.view}`)
  for (const event of ['up', 'down'] as const) {
    mesh.on(event, ({ id, state }) => tell(event, `${id} ${state}`))
  }
  mesh.on('change', ({ id, state, link }) => tell('change', `${id} ${state} ${link}`))
  mesh.on('ring', ({ view, moved }) => tell('ring', `${view}, moved ${(moved * 100).toFixed(1)} %`))
}
