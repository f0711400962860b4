/** Counters and gauges of the state on this peer. */
export interface StateStats {
  /** Keys held here, tombstones included. */
  readonly keys: number
  /** Of them those that others own. */
  readonly foreign: number
  /** Bytes of keys and values held here. */
  readonly bytes: number
  /** Keys that are still to be brought to other peers. */
  readonly waiting: number
  /** Keys offered to others. */
  readonly offered: number
  /** Of them those that had to be sent. */
  readonly sent: number
  /** Bytes of what was sent. */
  readonly bytesSent: number
  /** Keys that others sent. */
  readonly received: number
  /** Bytes of what others sent. */
  readonly bytesReceived: number
  /** Copies dropped after every owner had acknowledged them. */
  readonly dropped: number
  /** Changes that are not in storage yet. */
  readonly unsaved: number
  /** Changes written there. */
  readonly saved: number
  /** Keys remembered for suspected peers. */
  readonly hinted: number
  /** Keys from storage that may have been deleted, and wait for a verdict. */
  readonly unjudged: number
  /** Comparisons with co-owners. */
  readonly compared: number
  /** Leaves of the tree that were found to differ. */
  readonly differed: number
  /** Deleted keys that were forgotten for good. */
  readonly forgotten: number
  /** Whether this peer was sent everything that it owns. */
  readonly settled: boolean
}
