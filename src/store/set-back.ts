import type { Cluster } from '../mesh/index.js'
import { type HybridClock, shifted, type Version, writerOf } from './clock.js'
import { type Restamp, restamped } from './merges/restamp.js'
import type { Replica } from './replica.js'
import type { Watches } from './watches.js'

/** What must be put right when this machine's clock is set back. */
export interface SetBackParts {
  readonly cluster: Cluster
  readonly clock: HybridClock
  readonly replica: Replica
  readonly watches: Pick<Watches, 'forget'>
}

/**
 * This machine's clock was set back. What it stamped while it was ahead is believed by nobody else,
 * and would be overtaken by no write for as long: it gets the stamps that it should have had.
 *
 * @param change - milliseconds, negative
 * @returns what puts right the stamps that are kept elsewhere
 */
export function setBack({ cluster, clock, replica, watches }: SetBackParts, change: number): Restamp {
  /** Given by a peer that is known to run on another machine. */
  const isForeign = (version: Version): boolean => {
    const writer = cluster.member(writerOf(version))
    return writer !== undefined && writer.host !== cluster.info.host
  }
  const restamp = (version: Version): Version => {
    // What another machine stamped is in the future of this one only: its time comes, and others hold it as it is.
    if (!clock.isAhead(version) || isForeign(version)) return version
    const right = shifted(version, change)
    return clock.isAhead(right) ? clock.next().slice(0, 16) + version.slice(16) : right
  }
  for (const entry of [...replica.entries()]) {
    if (!clock.isAhead(entry.version) || isForeign(entry.version)) continue
    const { store, key, replicas } = entry
    const record = { store, key, replicas, ...restamped(entry, restamp) }
    replica.drop(entry)
    watches.forget(store, key)
    replica.apply(record)
  }
  return restamp
}
