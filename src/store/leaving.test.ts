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

describe('a write that needs more copies than there are peers that stay', () => {
  /** Of the two peers `b` goes, and takes its time as another room of it has not handed over yet: until what is returned is called. */
  function leaving(rig: StoreRig, heardAfter = 1): () => void {
    let finish = (): void => {}
    rig.net.cluster('b').onLeaving((done) => {
      finish = done
    })
    rig.net.leave('b')
    rig.time.advance(heardAfter)
    expect(rig.net.cluster('a').member('b')?.state).toBe('leaving')
    return () => finish()
  }

  const refused = { name: 'NotEnoughPeers', message: expect.stringContaining("'k' of 's'") }

  it.each(['a', 'b'])(
    'is refused at once where the other one is leaving, also by it (%s)',
    async (writer) => {
      const rig = new StoreRig(['a', 'b'])
      leaving(rig)
      const start = rig.time.now
      const store = rig.store<number>(writer, 's', options)
      await expect(rig.run(store.put('k', 1))).rejects.toMatchObject(refused)
      await expect(rig.run(store.update('k', () => 1))).rejects.toMatchObject(refused)
      await expect(rig.run(store.delete('k'))).rejects.toMatchObject(refused)
      expect(rig.time.now - start).toBeLessThan(100)
      expect(holders(rig, 'k')).toEqual([])
    },
  )

  it('is given up as soon as the other one says that it leaves', async () => {
    // What it answers takes long, and counts for nothing by then.
    const rig = new StoreRig(['a', 'b'], { delay: (from, to) => (from === to ? 0 : 300) })
    const start = rig.time.now
    const put = rig.store('a', 's', options).put('k', 1)
    leaving(rig, 300)
    await expect(rig.run(put)).rejects.toMatchObject({ name: 'Timeout' })
    expect(rig.time.now - start).toBeLessThan(1_000)
  })

  it('is not said to be refused where it was sent: whoever had it hands it on', async () => {
    let lag = 1_000
    const rig = new StoreRig(['a', 'b'], { delay: (from) => (from === 'b' ? lag : 1) })
    const put = rig.store('a', 's', options).put('k', 1)
    rig.time.advance(2)
    expect(holders(rig, 'k')).toEqual(['b'])
    // The word that it leaves overtakes its answer.
    lag = 1
    rig.net.leave('b')
    await expect(rig.run(put)).rejects.toMatchObject({ name: 'Timeout' })
    expect(rig.time.now).toBeLessThan(100)
    rig.time.advance(5_000)
    expect(holders(rig, 'k')).toEqual(['a'])
  })

  it('is kept by one that comes meanwhile', async () => {
    const rig = new StoreRig(['a', 'b'])
    const leave = leaving(rig)
    rig.join('c')
    rig.time.advance(1)
    const put = rig.store('a', 's', options).put('k', 1)
    rig.time.advance(500)
    leave()
    const { holders } = await rig.run(put)
    expect(holders).toEqual(expect.arrayContaining(['a', 'c']))
  })

  it('waits for one that was called dead a moment ago: it may not be', async () => {
    const rig = new StoreRig(['a', 'b'])
    rig.net.partition([['a'], ['b']])
    const put = rig.store('a', 's', options).put('k', 1)
    rig.time.advance(7_000)
    expect(rig.net.cluster('a').member('b')?.state).toBe('dead')
    rig.net.heal()
    expect(await rig.run(put)).toMatchObject({ holders: ['a', 'b'] })
  })
})

describe('a store for which fewer copies suffice', () => {
  const open = (rig: StoreRig, id: string) =>
    rig.service(id).open<number>('own', { replicas: 3, writes: 2 }, { fewerSuffice: true })

  it('keeps what a peer writes that is alone', async () => {
    const rig = new StoreRig(['a'])
    expect(await rig.run(open(rig, 'a').put('k', 1))).toMatchObject({ holders: ['a'] })
    await expect(rig.run(rig.store('a').put('k', 1))).rejects.toMatchObject({ name: 'NotEnoughPeers' })
  })

  it('does not wait for another that leaves: its own copy is all that stays', async () => {
    const rig = new StoreRig(['a', 'b'])
    // Another room of it has not handed over yet.
    rig.net.cluster('b').onLeaving(() => {})
    rig.net.leave('b')
    rig.time.advance(100)
    expect(rig.net.cluster('a').member('b')?.state).toBe('leaving')
    const start = rig.time.now
    expect(await rig.run(open(rig, 'a').put('k', 1))).toMatchObject({
      holders: expect.arrayContaining(['a']),
    })
    expect(rig.time.now - start).toBeLessThan(1_000)
  })

  it('keeps what a peer writes that leaves and is alone, or whose companions all leave too', async () => {
    for (const ids of [['a'], ['a', 'b']]) {
      const rig = new StoreRig(ids)
      for (const id of ids) {
        rig.net.cluster(id).onLeaving(() => {})
        rig.net.leave(id)
      }
      rig.time.advance(100)
      const start = rig.time.now
      expect(await rig.run(open(rig, 'a').put('k', 1))).toMatchObject({
        holders: expect.arrayContaining(['a']),
      })
      expect(rig.time.now - start).toBeLessThan(1_000)
    }
  })

  it('waits for as many as are asked for while they are there', async () => {
    const rig = new StoreRig(['a', 'b', 'c'], { delay: (from, to) => (from === to ? 0 : 300) })
    const { holders } = await rig.run(open(rig, 'a').put('k', 1))
    expect(holders.length).toBeGreaterThanOrEqual(2)
  })
})
