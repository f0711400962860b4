import { describe, expect, it } from 'vitest'
import { StoreRig } from './testing/store-rig.js'

const options = { replicas: 2, writes: 2 }

/** A key that these peers own, in this order or another. */
function ownedBy(rig: StoreRig, owners: readonly string[]): string {
  for (let index = 0; index < 1_000; index++) {
    const key = `k${index}`
    const found = rig.net.cluster('a').ring.owners(key, owners.length)
    if (owners.every((id) => found.includes(id))) return key
  }
  throw new Error(`no key is owned by ${owners.join()}`)
}

/** Who of those that run holds a key. */
function holders(rig: StoreRig, key: string): string[] {
  return rig.net.running.map(({ self }) => self).filter((id) => rig.service(id).find('s', key) !== undefined)
}

describe('a peer that leaves', () => {
  it('counts for a write only beside as many copies at those that stay', async () => {
    let lag = 0
    const rig = new StoreRig(['a', 'b', 'c'], {
      // `a` hears late that `c` is dead, and that `b` is gone.
      viewLag: (observer, about) => (observer !== 'a' ? 0 : about === 'c' ? 8_000 : lag),
    })
    const key = ownedBy(rig, ['b', 'c'])
    rig.net.partition([['a', 'b'], ['c']])
    let copies: number | undefined
    const put = rig.store('a', 's', { ...options, timeout: 30_000 }).put(key, 1)
    put.then(
      () => {
        copies = holders(rig, key).length
      },
      () => {},
    )
    rig.time.advance(500)
    expect(holders(rig, key)).toEqual(['b'])
    rig.net.leave('b')
    rig.time.advance(1)
    lag = 30_000
    await rig.run(put.catch(() => undefined))
    expect(rig.net.cluster('b').running).toBe(false)
    expect(holders(rig, key)).toEqual(['a'])
    expect(copies).toBeUndefined()
  })

  it('does not take those for gone that were called dead a moment ago, and hands them what it acknowledged', async () => {
    let lag = 0
    const rig = new StoreRig(['a', 'b', 'c', 'd'], {
      delay: (from, to) => (from === 'b' && to === 'c' ? 500 : 1),
      viewLag: (observer, about) => {
        if (observer === 'b' && about === 'a') return 6_000
        return observer === 'a' && about !== 'd' ? lag : 0
      },
    })
    const key = ownedBy(rig, ['a', 'b'])
    rig.net.partition([
      ['a', 'd'],
      ['b', 'c'],
    ])
    rig.time.advance(8_000)
    expect(rig.net.cluster('b').member('a')?.state).toBe('suspect')
    const put = rig.store('b', 's', options).put(key, 1)
    rig.time.advance(10)
    // In one moment its last companion crashes, the write arrives, and it leaves.
    lag = 3_000
    rig.net.crash('d')
    rig.net.heal()
    let left: string[] | undefined
    rig.net.leave('a', () => {
      left = holders(rig, key)
    })
    await rig.run(put)
    rig.time.advance(10_000)
    expect(left?.length).toBeGreaterThanOrEqual(2)
  })
})
