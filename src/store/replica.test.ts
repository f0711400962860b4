import { expect, it } from 'vitest'
import { fakeClusters } from '../mesh/testing/fake-cluster.js'
import { VirtualTime } from '../runtime/index.js'
import { HybridClock } from './clock.js'
import { kinds } from './merges/kinds.js'
import { Placement } from './placement.js'
import { Replica } from './replica.js'

it('forgets the hashes shared with those that are gone, and no others', () => {
  const time = new VirtualTime(1)
  const net = fakeClusters(time, ['a', 'b', 'c'])
  const cluster = net.cluster('a')
  const filled = (): Replica => {
    const ignore = (): void => {}
    const clock = new HybridClock(cluster.runtime, 'a')
    const replica = new Replica(cluster, new Placement(cluster), clock, {
      changed: ignore,
      dropped: ignore,
      owned: ignore,
    })
    for (let index = 0; index < 100; index++) {
      const version = `0000000000000${index + 100}-a`
      replica.apply({
        store: 's',
        replicas: 2,
        key: `${index}`,
        kind: kinds.last,
        version,
        content: new Uint8Array([index]),
      })
    }
    return replica
  }
  const reown = (replica: Replica): void => {
    for (const entry of replica.entries()) replica.reown(entry)
    replica.forgetFormerOwners()
  }
  time.advance(5_000)
  const replica = filled()
  expect(replica.sharers).toBe(2)

  net.crash('c')
  time.advance(30_000)
  reown(replica)
  expect(replica.sharers).toBe(1)

  net.join('d')
  time.advance(30_000)
  reown(replica)
  expect(replica.sharers).toBe(2)
  const fresh = filled()
  for (const peer of ['b', 'd']) expect(replica.tree(peer).branches()).toEqual(fresh.tree(peer).branches())
})

it('keeps no more memory than it counts, whatever frame a value came in', () => {
  const cluster = fakeClusters(new VirtualTime(1), ['a']).cluster('a')
  const ignore = (): void => {}
  const events = { changed: ignore, dropped: ignore, owned: ignore }
  const clock = new HybridClock(cluster.runtime, 'a')
  const replica = new Replica(cluster, new Placement(cluster), clock, events)
  const place = { store: 's', replicas: 2, key: 'k', kind: kinds.last }
  for (const version of ['0000000000000100-a', '0000000000000200-a']) {
    const frame = new Uint8Array(60_000).fill(7)
    const { entry } = replica.apply({ ...place, version, content: frame.subarray(100, 110) }) as {
      entry: { content: Uint8Array }
    }
    expect(entry.content).toEqual(new Uint8Array(10).fill(7))
    expect(entry.content.buffer.byteLength).toBe(10)
  }
  expect(replica.bytes).toBe(11)
})
