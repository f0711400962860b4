import { timeOf } from '../clock.js'
import { aheadLimit } from '../constants.js'
import { type SimulatedPeers, storeName } from './simulated-peers.js'
import type { Report } from './simulation-options.js'

/** Why the peers do not agree yet; undefined when all owners of every key hold the same. */
export function disagreement(peers: SimulatedPeers, replicas: number): string | undefined {
  const { running } = peers
  const first = running[0]
  if (first === undefined) return 'nobody is left'
  const { placement } = peers.service(first.self)
  for (const { self, own, view, nextRing } of running) {
    if (own === 'leaving' || own === 'joining') return `${self} is ${own}`
    if (view !== first.view || nextRing.digest !== view) return `${self} has another view`
  }
  const keys = new Set<string>()
  for (const { self } of running) for (const key of peers.service(self).keysOf(storeName)) keys.add(key)
  for (const key of keys) {
    const marks = new Set<string | undefined>()
    for (const id of placement.owners(key, replicas)) {
      const held = peers.services.get(id)?.find(storeName, key)
      // A tombstone and nothing are the same answer: collecting takes the owners a moment.
      marks.add(held === undefined || held.content === null ? undefined : held.mark)
    }
    if (marks.size !== 1) return `the owners of ${key} hold ${[...marks].join(' and ')}`
  }
  return undefined
}

/** Who still holds what it does not own. */
export function untidiness(peers: SimulatedPeers, replicas: number): string | undefined {
  for (const { self } of peers.running) {
    const service = peers.service(self)
    for (const key of service.keysOf(storeName))
      if (!service.placement.owners(key, replicas).includes(self))
        return `${self} holds ${key}, which it does not own`
  }
  return undefined
}

/** No stamp from the future may have got in. */
export function checkStamps(peers: SimulatedPeers, report: Report): void {
  const limit = peers.time.runtime().wallClock() + aheadLimit
  for (const { self } of peers.running) {
    const service = peers.service(self)
    for (const key of service.keysOf(storeName)) {
      const version = service.find(storeName, key)?.version
      if (version !== undefined && timeOf(version) > limit)
        report('clock', `${self} believes ${key} at ${version}`)
    }
  }
}
