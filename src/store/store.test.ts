import { describe, expect, it } from 'vitest'
import { StoreRig } from './testing/store-rig.js'

const ids = ['a', 'b', 'c', 'd', 'e']

describe('Store', () => {
  it('puts, gets from anywhere, deletes', async () => {
    const bench = new StoreRig(ids)
    const { version, holders } = await bench.run(bench.store('a').put('ada', { score: 36 }))
    expect(holders.length).toBeGreaterThanOrEqual(2)
    expect(version).toMatch(/^[0-9a-f]{16}-a$/)
    for (const id of ids) expect(await bench.run(bench.store(id).get('ada'))).toEqual({ score: 36 })
    await bench.run(bench.store('b').delete('ada'))
    for (const id of ids) expect(await bench.run(bench.store(id).get('ada', { fresh: true }))).toBeUndefined()
  })

  it('is held by exactly its owners', async () => {
    const bench = new StoreRig(ids)
    for (let n = 0; n < 50; n++) await bench.run(bench.store('a').put(`key ${n}`, n))
    await bench.run(Promise.resolve(), 100)
    bench.time.advance(100)
    for (let n = 0; n < 50; n++) {
      const owners = bench.net.cluster('a').ring.owners(`key ${n}`, 3)
      const holders = ids.filter((id) => bench.service(id).find('s', `key ${n}`) !== undefined)
      expect(holders.sort()).toEqual(owners.sort())
    }
  })

  it('moves copies when a peer crashes, joins and leaves, and drops what it does not own', async () => {
    const bench = new StoreRig(ids)
    for (let n = 0; n < 200; n++) await bench.run(bench.store('a').put(`key ${n}`, n))
    const check = () => {
      const running = bench.net.running.map(({ self }) => self)
      for (let n = 0; n < 200; n++) {
        const owners = bench.net.cluster(running[0] as string).ring.owners(`key ${n}`, 3)
        const holders = running.filter((id) => bench.service(id).find('s', `key ${n}`) !== undefined)
        expect(holders.sort()).toEqual(owners.sort())
      }
    }
    bench.net.crash('c')
    bench.time.advance(60_000)
    check()
    bench.join('f')
    bench.time.advance(60_000)
    expect(bench.net.cluster('a').member('f')?.state).toBe('alive')
    check()
    bench.net.leave('b')
    bench.time.advance(60_000)
    expect(bench.net.cluster('b').running).toBe(false)
    check()
    for (let n = 0; n < 200; n++) expect(await bench.run(bench.store('f').get(`key ${n}`))).toBe(n)
  })

  it('lists entries over the whole mesh, in order', async () => {
    const bench = new StoreRig(ids)
    const keys = Array.from({ length: 600 }, (_, n) => `key ${String(n).padStart(4, '0')}`)
    await bench.run(Promise.all(keys.map((key, n) => bench.store('a').put(key, n))))
    await bench.run(bench.store('b').delete('key 0003'))
    await bench.run(bench.store('b').put('other', 1))
    const found: string[] = []
    const list = async () => {
      for await (const [key] of bench.store('c').entries({ prefix: 'key ' })) found.push(key)
    }
    await bench.run(list())
    expect(found).toEqual(keys.filter((key) => key !== 'key 0003'))
  })

  it('updates under contention without losing one', async () => {
    const bench = new StoreRig(ids)
    const work = ids.flatMap((id) =>
      Array.from({ length: 5 }, () => bench.store<number>(id).update('n', (old) => (old ?? 0) + 1)),
    )
    await bench.run(Promise.all(work))
    expect(await bench.run(bench.store('a').get('n', { fresh: true }))).toBe(25)
  })

  it('tells watches of a key and of a prefix', async () => {
    const bench = new StoreRig(ids)
    const seen: [string, unknown][] = []
    await bench.run(bench.store('a').put('room/1', 'first'))
    bench.store('e').watch('room/1', (value, _, key) => seen.push([key, value]))
    const prefix: [string, unknown][] = []
    bench.store('d').watch({ prefix: 'room/' }, (value, _, key) => prefix.push([key, value]))
    bench.time.advance(100)
    await bench.run(bench.store('b').put('room/1', 'second'))
    await bench.run(bench.store('b').put('room/2', 'x'))
    await bench.run(bench.store('c').delete('room/1'))
    bench.time.advance(1000)
    expect(seen).toEqual([
      ['room/1', 'first'],
      ['room/1', 'second'],
      ['room/1', undefined],
    ])
    expect(prefix).toEqual([
      ['room/1', 'first'],
      ['room/1', 'second'],
      ['room/2', 'x'],
      ['room/1', undefined],
    ])
  })

  it('refuses with typed errors before anything is sent', async () => {
    const bench = new StoreRig(['a'])
    const store = bench.store('a')
    await expect(store.put('k', 1)).rejects.toMatchObject({ name: 'NotEnoughPeers' })
    await expect(store.put(7 as never, 1)).rejects.toMatchObject({ name: 'InvalidOption' })
    await expect(store.put('x'.repeat(1025), 1)).rejects.toMatchObject({ name: 'InvalidOption' })
    await expect(store.put('k', 'x'.repeat(2 ** 20 + 1))).rejects.toMatchObject({ name: 'TooLarge' })
    await expect(store.put('k', 1, { durable: true })).rejects.toMatchObject({ name: 'NotEnoughPeers' })
    expect(() => bench.service('a').open('s', { replicas: 5 })).toThrow(/store\.replicas/)
    expect(() => bench.service('a').open('t', { replicas: 17 })).toThrow(/at most 16/)
    expect(() => bench.service('a').open('t', { replicas: 2, writes: 3 })).toThrow(/store\.writes/)
    const alone = bench.service('a').open('alone', { replicas: 1 })
    await bench.run(alone.put('k', 1))
    expect(await alone.get('k')).toBe(1)
    expect(await bench.run(alone.get('nothing'))).toBeUndefined()
  })
})
