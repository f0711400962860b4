import type { Mesh } from '../index.js'
import { type Fault, isFault } from './fault.js'

/** One peer of the demo asks another to break: nobody can break a tab or a process from outside. */
export interface Order {
  readonly demo: 'order'
  readonly fault: Fault
}

/** What a peer does when it is ordered to. */
export type Deeds = Readonly<Partial<Record<Fault, () => void>>>

/** Makes an order of whatever a peer sent; undefined where it is none. */
export function readOrder(message: unknown): Fault | undefined {
  if (typeof message !== 'object' || message === null) return undefined
  const { demo, fault } = message as Partial<Order>
  return demo === 'order' && isFault(fault) ? fault : undefined
}

/** Does from now on what others of the mesh order. Returns the way back. */
export function obey(mesh: Mesh, deeds: Deeds): () => void {
  return mesh.on('message', (message) => {
    const fault = readOrder(message)
    if (fault !== undefined) deeds[fault]?.()
  })
}

export function order(mesh: Mesh, peer: string, fault: Fault): void {
  const message: Order = { demo: 'order', fault }
  mesh.send(peer, message)?.catch(() => {})
}
