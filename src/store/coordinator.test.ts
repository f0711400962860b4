import { describe, expect, it } from 'vitest'
import { fakeClusters } from '../mesh/testing/fake-cluster.js'
import { VirtualTime } from '../runtime/index.js'
import { HybridClock } from './clock.js'
import { Coordinator, type CoordinatorOptions } from './coordinator.js'
import { Listing } from './listing.js'
import { Placement } from './placement.js'
import type { StoreRecord } from './record.js'
import { Replica } from './replica.js'
import { Watches } from './watches.js'
import type { WriteEnd } from './writer.js'

const write = { writes: 1, fewerSuffice: false, durable: false, expected: null, timeout: 5_000 }
const read = { reads: 1, writes: 1, timeout: 5_000 }

/** Of one peer that is alone, and owns every key; `given` says how it answers itself. */
function alone(given: Partial<CoordinatorOptions>) {
  const time = new VirtualTime(1)
  const cluster = fakeClusters(time, ['a']).cluster('a')
  const placement = new Placement(cluster)
  const clock = new HybridClock(cluster.runtime, 'a')
  const replica = new Replica(cluster, placement, clock, {
    changed: () => {},
    dropped: () => {},
    owned: () => {},
  })
  const carried: [to: string, keys: string[]][] = []
  const coordinator = new Coordinator({
    cluster,
    clock,
    placement,
    replica,
    carrier: { carry: (to, records) => carried.push([to, [...records].map(({ key }) => key)]) },
    survey: { settled: (_deadline, done) => done() },
    answers: { find: () => ({ held: undefined, settled: true }), store: () => {} },
    watches: new Watches(cluster, replica, placement, clock, () => {}),
    listing: new Listing(cluster, replica),
    tombstoneTime: 1_000,
    ...given,
  })
  const record = (key: string): StoreRecord => ({
    store: 's',
    replicas: 3,
    key,
    kind: 0,
    version: clock.next(),
    content: new Uint8Array([1]),
  })
  return { time, cluster, coordinator, replica, carried, record }
}

describe('the coordinator', () => {
  it('ends what is under way when the mesh is left, and refuses the rest', () => {
    const { coordinator, record } = alone({})
    const ends: string[] = []
    coordinator.write(record('k'), write, (end) => ends.push(end.kind))
    coordinator.refuseWhenClosed()
    expect(ends).toEqual([])
    coordinator.close()
    expect(ends).toEqual(['failed'])
    coordinator.write(record('k'), write, (end) =>
      ends.push(end.kind === 'failed' ? end.error.name : end.kind),
    )
    coordinator.read({ store: 's', replicas: 3, key: 'k' }, read, (end) =>
      ends.push(end.kind === 'failed' ? end.error.name : end.kind),
    )
    expect(ends).toEqual(['failed', 'Closed', 'Closed'])
    expect(() => coordinator.refuseWhenClosed()).toThrow('the mesh was left')
  })

  it('answers a write whose stamp is not believed when it is known whose clock is wrong', () => {
    let settled = (): void => {}
    let until = 0
    const { coordinator, record, cluster } = alone({
      survey: {
        settled: (deadline, done) => {
          until = deadline
          settled = done
        },
      },
      answers: {
        find: () => ({ held: undefined, settled: true }),
        store: (_record, _expected, durable, _view, done) =>
          done({
            type: 'store.stored',
            status: 'ahead',
            stays: true,
            durable,
            version: null,
            content: null,
            clock: 0,
          }),
      },
    })
    const ends: WriteEnd['kind'][] = []
    coordinator.write(record('k'), write, ({ kind }) => ends.push(kind))
    expect(ends).toEqual([])
    expect(until).toBe(cluster.runtime.now() + write.timeout)
    settled()
    expect(ends).toEqual(['ahead'])
  })

  it('reads from this peer where it is an owner itself', () => {
    const { coordinator } = alone({})
    let kind = ''
    coordinator.read({ store: 's', replicas: 3, key: 'k' }, read, (end) => {
      kind = end.kind
    })
    expect(kind).toBe('read')
  })

  it('brings a record to who is behind, itself among them', () => {
    const { coordinator, replica, carried, record } = alone({})
    coordinator.repair(record('k'), ['b', 'a', 'c'])
    expect(carried).toEqual([
      ['b', ['k']],
      ['c', ['k']],
    ])
    expect(replica.find('s', 'k')).toBeDefined()
    expect(coordinator.find('s', 'k')).toBe(replica.find('s', 'k'))
  })
})
