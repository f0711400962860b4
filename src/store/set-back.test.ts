import { expect, it } from 'vitest'
import { HybridClock, timeOf } from './clock.js'
import { Placement } from './placement.js'
import { Replica } from './replica.js'
import { setBack } from './set-back.js'
import { StoreRig } from './testing/store-rig.js'

it('puts right the stamps of this machine, and leaves those of other machines as everybody holds them', () => {
  const rig = new StoreRig(['a', 'b'])
  const cluster = rig.net.cluster('a')
  const clock = new HybridClock(cluster.runtime, 'a')
  const ignore = (): void => {}
  const replica = new Replica(cluster, new Placement(cluster), clock, {
    changed: ignore,
    dropped: ignore,
    owned: ignore,
  })
  const content = new Uint8Array([1])
  const ahead = 720_000
  cluster.clockAhead = ahead
  const own = clock.next()
  const other = own.replace(/a$/, 'b')
  for (const version of [own, other])
    replica.apply({ store: 's', replicas: 2, key: version.slice(17), kind: 0, version, content })
  cluster.clockAhead = 0
  expect(clock.isAhead(own)).toBe(true)
  setBack({ cluster, clock, replica, watches: { forget: ignore } }, -ahead)
  expect(timeOf(replica.find('s', 'a')?.version ?? '')).toBe(timeOf(own) - ahead)
  expect(replica.find('s', 'b')?.version).toBe(other)
})
