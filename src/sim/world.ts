import type { VirtualTime } from '../runtime/index.js'
import type { Interference } from './network.js'
import type { ThawOrder, TimerMode } from './node-runtime.js'

/** Stands for the signalling server where nodes are told by number. */
export const serverNumber = -1

/**
 * What faults can do to a world, whatever runs in it. Nodes are told by number. All of it is safe
 * to call for a node that is gone already: nothing happens.
 */
export interface World {
  readonly time: VirtualTime
  /** Numbers of the nodes that are there now, in order. */
  up(): readonly number[]
  interfere(interference: Interference): () => void
  /**
   * Lets nothing pass from one node to another for which `isCut` says so. The signalling server is
   * number {@link serverNumber}.
   *
   * @returns what heals it
   */
  cut(isCut: (from: number, to: number) => boolean): () => void
  /** Opens a page. `name` forks its chance: the same name is the same page in a run with other faults. */
  join(name: string): void
  /** A page dies without a word. `isHinted`: the signalling server sees its socket close. */
  crash(node: number, isHinted: boolean): void
  /** A page is closed: channels and socket close, and it says `left` if told so. */
  close(node: number, saysLeft: boolean): void
  /** A page leaves of its own will. */
  leave(node: number): void
  hide(node: number): void
  show(node: number): void
  freeze(node: number): void
  /** `isTold`: the page's `resume` event fires; a machine that slept has none. */
  thaw(node: number, order: ThawOrder, isTold: boolean): void
  setTimerMode(node: number, mode: TimerMode): void
  jumpWallClock(node: number, milliseconds: number): void
  /** The link between two nodes closes; both ends notice. Frames between them are lost until `restoreLink`. */
  failLink(a: number, b: number): void
  restoreLink(a: number, b: number): void
  serverDown(): void
  serverUp(): void
  /** The server says that the socket of `node` closed, though it did not. */
  lieAbout(node: number): void
  /** The server introduces a node that never was. */
  introduceGhost(name: string): void
  /** `node` sends one frame of chance's making to another. */
  sendHostile(node: number, to: number, chance: () => number): void
  /**
   * `node` sends no more such frames. Where they could break its own sessions it is closed: a page
   * may shut itself out, and only the others are promised anything.
   */
  endHostile(node: number): void
  /**
   * From now until `milliseconds` from now nothing is promised about these nodes, because a fault
   * of the network or of the page itself is upon them. No list: about any, those that come meanwhile too.
   */
  excuse(milliseconds: number, nodes?: readonly number[]): void
}
