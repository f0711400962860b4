import type { Mesh } from '../index.js'

/** What a test can do with any peer of its cluster. */
export interface Peer {
  /** The peer's id. */
  readonly id: string
  /**
   * Runs `body` where the peer is and gives what it returns. The function is sent as text: it sees
   * its two parameters and nothing around it.
   *
   * @param parameter - passed as the second parameter; must be serializable
   */
  evaluate<Result, Parameter = undefined>(
    body: (mesh: Mesh, parameter: Parameter) => Result | Promise<Result>,
    parameter?: Parameter,
  ): Promise<Result>
  /** Ends the peer without a word, as a crash does. */
  crash(): Promise<void>
  /** Stops everything in the peer for so many milliseconds, then lets it go on. */
  freeze(milliseconds: number): Promise<void>
  /** Has the peer leave of its own will, handing over what it holds. */
  leave(): Promise<void>
  /** Loses all frames to and from these peers; none: to and from nobody. */
  cut(peers: readonly string[]): Promise<void>
  /** Whether the peer is still there: neither crashed nor left. */
  readonly isThere: boolean
}
