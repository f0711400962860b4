import { describe, expect, it } from 'vitest'
import { StoreRig } from './testing/store-rig.js'

const record = (key: string, bytes: number) => ({
  store: 's',
  replicas: 2,
  key,
  kind: 0,
  version: '019b76da00000000-x',
  content: new Uint8Array(bytes).fill(1),
})

describe('a peer without room', () => {
  it('refuses what would take it over its limit of bytes, takes what frees some, and tells', async () => {
    const rig = new StoreRig(['a', 'b'], { mostBytes: 2_000 })
    const told: boolean[] = []
    rig.service('b').on('storage', ({ isFull }) => told.push(isFull))
    const store = rig.store<string>('a', 's', { replicas: 2 })
    let refused: unknown
    let kept = 0
    for (; kept < 40 && refused === undefined; kept++) {
      await rig.run(store.put(`key ${kept}`, 'x'.repeat(200))).catch((error: unknown) => {
        refused = error
      })
    }
    kept--
    expect(refused).toMatchObject({ name: 'NotEnoughPeers', message: expect.stringContaining('full') })
    expect(kept).toBeGreaterThan(5)
    expect(told).toEqual([true])
    for (const id of ['a', 'b']) expect(rig.service(id).stats().bytes).toBeLessThanOrEqual(2_000)
    await rig.run(store.put('key 0', 'shorter'))
    for (let n = 1; n < kept; n++) await rig.run(store.delete(`key ${n}`))
    await rig.run(store.put('another', 'x'.repeat(200)))
    expect(told).toEqual([true, false])
  })

  it('takes foreign copies off a full disk before it refuses new keys, and loses none of them', async () => {
    const media = new Map(['a', 'b', 'c', 'd'].map((id) => [id, new Map<string, Uint8Array>()]))
    const rig = new StoreRig(['a', 'b', 'c', 'd'], {
      storage: (id) => ({ quota: id === 'd' ? 4_000 : 100_000, medium: media.get(id) ?? new Map() }),
    })
    const { ring } = rig.net.cluster('a')
    const named = (isOwn: boolean, count: number) =>
      Array.from({ length: 200 }, (_, n) => `key ${n}`)
        .filter((key) => ring.owners(key, 2).includes('d') === isOwn)
        .slice(0, count)
    // Nobody answers, so that nothing can be handed over and dropped.
    for (const id of ['a', 'b', 'c']) rig.net.freeze(id, 3_000)
    const foreign = named(false, 15)
    for (const key of foreign) rig.service('d').coordinator.repair(record(key, 200), ['d'])
    rig.time.advance(500)
    const medium = media.get('d') as Map<string, Uint8Array>
    const onDisk = () => [...medium.keys()].filter((key) => key.startsWith('r/')).length
    expect(onDisk()).toBe(15)
    const told: boolean[] = []
    rig.service('d').on('storage', ({ isFull }) => told.push(isFull))
    const own = named(true, 12)
    for (const key of own) rig.service('d').coordinator.repair(record(key, 200), ['d'])
    rig.time.advance(500)
    expect(told).toEqual([])
    for (const key of own) expect(medium.has(`r/s/${key}`), key).toBe(true)
    expect(rig.service('d').stats().foreign).toBe(15)
    rig.time.advance(60_000)
    expect(rig.service('d').stats().foreign).toBe(0)
    for (const key of foreign)
      for (const id of ring.owners(key, 2))
        expect(rig.service(id).find('s', key), `${key} at ${id}`).toBeDefined()
  })

  it('puts a key on disk that was held for others and is its own now', async () => {
    const medium = new Map<string, Uint8Array>()
    const rig = new StoreRig(['a', 'b', 'c'], {
      suspectAfter: 500,
      deadAfter: 1_000,
      storage: (id) => (id === 'c' ? { medium, quota: 2_300 } : undefined),
    })
    const { ring } = rig.net.cluster('a')
    const all = Array.from({ length: 100 }, (_, n) => `key ${n}`)
    const foreign = all.filter((key) => !ring.owners(key, 2).includes('c')).slice(0, 8)
    const own = all.filter((key) => ring.owners(key, 2).includes('c')).slice(0, 5)
    for (const id of ['a', 'b']) rig.net.freeze(id, 2_000)
    for (const key of [...foreign, ...own]) rig.service('c').coordinator.repair(record(key, 200), ['c'])
    rig.time.advance(500)
    for (const key of foreign) expect(medium.has(`r/s/${key}`), key).toBe(false)
    for (const key of own) medium.delete(`r/s/${key}`)
    rig.net.crash('a')
    rig.net.crash('b')
    rig.time.advance(5_000)
    for (const key of foreign) expect(medium.has(`r/s/${key}`), key).toBe(true)
  })
})
