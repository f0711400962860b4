import { signal } from '@preact/signals'
import { HashRing, type Member, type Mesh, type RingArc } from '../index.js'
import { peerColours } from './colours.js'

/** One line of what has happened, the newest first. */
export interface Happening {
  readonly at: number
  readonly text: string
}

/** Lines that are kept; older ones are of no use to a visitor. */
const happeningsKept = 50

/** What the page shows of its mesh; follows the events of the public API and nothing else. */
export const members = signal<readonly Member[]>([])
export const arcs = signal<readonly RingArc[]>([])
export const shares = signal<ReadonlyMap<string, number>>(new Map())
export const view = signal('')
export const colours = signal<ReadonlyMap<string, string>>(new Map())
export const happenings = signal<readonly Happening[]>([])

const nothing = new HashRing([])

/** Keeps the signals above true to `mesh`, at most once a frame. Returns the way back. */
export function follow(mesh: Mesh): () => void {
  let due = false
  const read = (): void => {
    due = false
    members.value = mesh.members()
    colours.value = peerColours(members.value.map(({ id }) => id))
    if (view.value !== mesh.view) {
      view.value = mesh.view
      arcs.value = mesh.ring.diff(nothing)
      shares.value = new Map(mesh.ring.nodes().map(({ id }) => [id, mesh.ring.share(id)]))
    }
  }
  const soon = (): void => {
    if (due) return
    due = true
    requestAnimationFrame(read)
  }
  const stops = [
    mesh.on('change', soon),
    mesh.on('up', (member) => happened(`${shortened(member.id)} is up (${member.kind})`)),
    mesh.on('down', (member) =>
      happened(`${shortened(member.id)} is ${member.state === 'left' ? 'gone' : 'dead'}`),
    ),
    mesh.on('ring', ({ moved }) => {
      happened(`ring settled: ${(moved * 100).toFixed(1)} % of the keys have a new owner`)
      soon()
    }),
  ]
  read()
  return () => {
    for (const stop of stops) stop()
  }
}

export function happened(text: string): void {
  happenings.value = [{ at: Date.now(), text }, ...happenings.value].slice(0, happeningsKept)
}

/** The first characters of an id: enough to tell a dozen peers apart. */
export function shortened(id: string): string {
  return id.slice(0, 5)
}
