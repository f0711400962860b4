/** Counters and gauges of the state on this peer. */
export interface StateStats {
  /** Keys held here, tombstones included, and of them those that others own. */
  readonly keys: number
  readonly foreign: number
  /** Bytes of keys and values held here. */
  readonly bytes: number
  /** Keys that are still to be brought to other peers. */
  readonly waiting: number
  /** Keys offered to others, and of them those that had to be sent, with their bytes. */
  readonly offered: number
  readonly sent: number
  readonly bytesSent: number
  readonly received: number
  readonly bytesReceived: number
  /** Copies dropped after every owner had acknowledged them. */
  readonly dropped: number
  /** Changes that are not in storage yet, and changes written there. */
  readonly unsaved: number
  readonly saved: number
  /** Keys remembered for suspected peers, and keys from storage that may have been deleted and wait for a verdict. */
  readonly hinted: number
  readonly unjudged: number
  /** Comparisons with co-owners, and leaves of the tree that were found to differ. */
  readonly compared: number
  readonly differed: number
  /** Deleted keys that were forgotten for good. */
  readonly forgotten: number
  /** Whether this peer was sent everything that it owns. */
  readonly settled: boolean
}
