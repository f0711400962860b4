import { describe, expect, it } from 'vitest'
import { type Message, packValue } from '../wire/index.js'
import { counter, set } from './merges/index.js'
import { StoreRig } from './testing/store-rig.js'

const ids = ['a', 'b', 'c', 'd', 'e']

describe('what a store promises', () => {
  it('durable waits for the disk of an edge worker, and what it kept outlives everybody', async () => {
    const medium = new Map<string, Uint8Array>()
    const rig = new StoreRig(['a', 'b', 'edge'], {
      info: (id) => (id.startsWith('edge') ? { kind: 'edge', weight: 4 } : {}),
      storage: (id) => (id.startsWith('edge') ? { durable: true, delay: 5, medium } : undefined),
    })
    const { holders } = await rig.run(rig.store('a').put('k', 'v', { durable: true }))
    expect(holders).toContain('edge')
    expect(medium.size).toBeGreaterThan(0)
    for (const id of ['a', 'b', 'edge']) rig.net.crash(id)
    rig.join('edge-2')
    rig.join('f')
    await rig.run(Promise.resolve())
    rig.time.advance(5_000)
    expect(await rig.run(rig.store('f').get('k'))).toBe('v')
  })

  it('durable is refused at once where there is no edge worker', async () => {
    const rig = new StoreRig(ids)
    await expect(rig.store('a').put('k', 1, { durable: true })).rejects.toMatchObject({ name: 'NotDurable' })
  })

  it('says that the outcome is unknown when too few answer in time', async () => {
    const rig = new StoreRig(['a', 'b', 'c'])
    for (const id of ['b', 'c']) rig.net.freeze(id, 60_000)
    const put = rig.store('a').put('k', 1)
    await expect(rig.run(put)).rejects.toMatchObject({
      name: 'Timeout',
      message: expect.stringContaining('unknown'),
    })
  })

  it('completes a write whose owners die, with those that take their place', async () => {
    const rig = new StoreRig([...ids, 'f', 'g'], { suspectAfter: 500, deadAfter: 1_500 })
    const owners = rig.net.cluster('a').ring.owners('k', 3)
    const writer = [...ids, 'f', 'g'].find((id) => !owners.includes(id)) as string
    for (const id of owners) rig.net.crash(id)
    const { holders } = await rig.run(rig.store(writer).put('k', 'v'))
    expect(holders.some((id) => owners.includes(id))).toBe(false)
  })

  it('reads its own writes and never goes back, while peers come and go', async () => {
    for (let seed = 0; seed < 4; seed++) {
      const rig = new StoreRig(ids, { seed, delay: () => 1 + (seed % 3) * 4, viewLag: seed * 300 })
      let joined = 0
      let written = 0
      let seen = 0
      for (let step = 0; step < 25; step++) {
        await rig.run(rig.store<number>('a').put('k', ++written))
        const own = await rig.run(rig.store<number>('a').get('k'))
        expect(own, `seed ${seed}`).toBe(written)
        const other = (await rig.run(rig.store<number>('b').get('k'))) ?? 0
        expect(other, `seed ${seed}`).toBeGreaterThanOrEqual(seen)
        seen = other
        if (step % 7 === 3) rig.join(`j${joined++}`)
        if (step === 15) rig.net.leave('c')
        if (step === 20) rig.net.suspect('d', ['a', 'b'], 1_000)
        rig.time.advance(step * 20)
      }
    }
  })

  it('does not go back behind what it read from its own copy, when that is not its own any more', async () => {
    const rig = new StoreRig([...ids, 'f'], { delay: 100 })
    const [reader = ''] = rig.net.cluster('a').ring.owners('k', 3)
    await rig.run(rig.store<number>('a').put('k', 1))
    rig.time.advance(1_000)
    // The later state has reached this one alone so far.
    const { clock } = rig.service(reader).coordinator
    const record = {
      store: 's',
      replicas: 3,
      key: 'k',
      kind: 0,
      version: clock.next(),
      content: packValue(2),
    }
    rig.service(reader).coordinator.repair(record, [reader])
    expect(await rig.run(rig.store<number>(reader).get('k'))).toBe(2)
    rig.net.park(reader)
    rig.time.advance(5)
    expect(rig.service(reader).placement.owners('k', 3)).not.toContain(reader)
    expect(await rig.run(rig.store<number>(reader).get('k'))).toBe(2)
  })

  it('counts no copy at a peer that leaves and has handed over what it held', async () => {
    const rig = new StoreRig([...ids, 'f'], { delay: (from, to) => (from === 'c' || to === 'c' ? 1 : 20) })
    const key = ['k', 'l', 'm', 'n', 'o'].find((name) =>
      rig.net.cluster('a').ring.owners(name, 3).includes('c'),
    ) as string
    let go: (() => void) | undefined
    rig.net.cluster('c').onLeaving((done) => {
      go = done
    })
    rig.net.leave('c')
    rig.time.advance(1_000)
    expect(rig.net.cluster('a').ring.owners(key, 3)).toContain('c')
    const { holders } = await rig.run(rig.store('a').put(key, 1))
    expect(holders).not.toContain('c')
    go?.()
    rig.time.advance(1_000)
    expect(await rig.run(rig.store('b').get(key))).toBe(1)
  })

  it.each([
    { heard: 'has been heard of', viewLag: 0 },
    { heard: 'has not been heard of', viewLag: 5_000 },
  ])('waits for two copies that stay where one is with a peer whose leaving $heard', async ({ viewLag }) => {
    const rig = new StoreRig(ids, {
      delay: (_from, to) => (to === 'd' || to === 'e' ? 800 : 5),
      viewLag: (observer) => (observer === 'a' ? viewLag : 0),
    })
    const names = Array.from({ length: 1_000 }, (_, index) => `key ${index}`)
    const owners = (name: string) => [...rig.net.cluster('b').ring.owners(name, 3)].sort().join()
    const heirs = (name: string) => [...rig.net.cluster('b').nextRing.owners(name, 3)].sort().join()
    const handed = names.find((name) => owners(name) === 'c,d,e') as string
    await rig.run(rig.store('a').put(handed, 0))
    rig.net.leave('c')
    rig.time.advance(20)
    const key = names.find((name) => owners(name) === 'b,c,e' && heirs(name) === 'b,d,e') as string
    expect(rig.net.cluster('a').member('c')?.state).toBe(viewLag === 0 ? 'leaving' : 'alive')
    const { holders } = await rig.run(rig.store('a').put(key, 1))
    expect(rig.net.cluster('c').own).toBe('leaving')
    expect(holders.filter((id) => id !== 'c').length).toBeGreaterThanOrEqual(2)
  })

  it('keeps every increment of a counter over partition and heal', async () => {
    const rig = new StoreRig([...ids, 'f'])
    const hits = (id: string) => rig.store<number>(id, 'hits', { merge: counter() })
    const inc = (id: string) => hits(id).update('page', (n) => (n ?? 0) + 1)
    await rig.run(Promise.all(ids.map(inc)))
    rig.net.partition([
      ['a', 'b', 'c'],
      ['d', 'e', 'f'],
    ])
    rig.time.advance(10_000)
    await rig.run(Promise.all(['a', 'b', 'd', 'e'].map(inc)))
    rig.net.heal()
    rig.time.advance(40_000)
    for (const id of ids) expect(await rig.run(hits(id).get('page', { fresh: true }))).toBe(9)
  })

  it('shares a set between stores on different peers', async () => {
    const rig = new StoreRig(ids)
    const tags = (id: string) => rig.store(id, 'tags', { merge: set<string>() })
    await rig.run(Promise.all(ids.map((id) => tags(id).update('post', (old) => new Set(old).add(id)))))
    rig.time.advance(30_000)
    expect(await rig.run(tags('e').get('post', { fresh: true }))).toEqual(new Set(ids))
  })

  it('finds one different key among many, with little traffic', async () => {
    const sent: number[] = []
    const rig = new StoreRig(['a', 'b', 'c'], {
      onMessage: (_from, _to, message: Message, bytes) => {
        if (message.type.startsWith('store.')) sent.push(bytes)
      },
    })
    const count = 100_000
    for (const id of ['a', 'b', 'c']) {
      for (let n = 0; n < count; n++) {
        const version = `019b76da000${(n % 16).toString(16)}0000-x`
        const record = {
          store: 's',
          replicas: 3,
          key: `key ${n}`,
          kind: 0,
          version,
          content: new Uint8Array([n & 255]),
        }
        rig.service(id).coordinator.repair(record, [id])
      }
    }
    const newer = {
      store: 's',
      replicas: 3,
      key: 'key 77',
      kind: 0,
      version: '019b76da00ff0000-x',
      content: new Uint8Array([1]),
    }
    rig.service('b').coordinator.repair(newer, ['b'])
    const mark = () => ['a', 'b', 'c'].map((id) => rig.service(id).find('s', 'key 77')?.version)
    while (new Set(mark()).size > 1) rig.time.advance(1_000)
    expect(rig.time.now).toBeLessThan(60_000)
    expect(new Set(mark())).toEqual(new Set(['019b76da00ff0000-x']))
    const traffic = sent.reduce((sum, bytes) => sum + bytes, 0)
    console.log(`one different key among ${count} found and mended with ${traffic} bytes of traffic`)
    expect(traffic).toBeLessThan(16 * 1024)
  })

  it.each([
    ['', 0],
    [', though its storage is read after the others begin to offer', 500],
  ])('takes back what a reloaded page had, and sends only what differs%s', async (_slow, delay) => {
    const medium = new Map<string, Uint8Array>()
    const rig = new StoreRig(['a', 'b', 'c'], {
      storage: (id) => (id.startsWith('c') ? { medium, delay } : undefined),
    })
    for (let n = 0; n < 100; n++) await rig.run(rig.store('a').put(`key ${n}`, 'x'.repeat(100)))
    while (rig.service('c').stats().unsaved > 0) rig.time.advance(100)
    rig.time.advance(1_000)
    expect(medium.size).toBeGreaterThanOrEqual(100)
    rig.net.crash('c')
    rig.time.advance(10_000)
    await rig.run(rig.store('a').put('key 5', 'changed'))
    const before = rig.service('a').stats().sent + rig.service('b').stats().sent
    rig.join('c2')
    rig.time.advance(10_000)
    expect(rig.net.cluster('a').ring.has('c2')).toBe(true)
    expect(await rig.run(rig.store('c2').get('key 5'))).toBe('changed')
    const after = rig.service('a').stats().sent + rig.service('b').stats().sent
    expect(after - before).toBeLessThanOrEqual(4)
    expect(rig.service('c2').stats().keys).toBe(100)
  })

  it('does not take back a key that was deleted and forgotten meanwhile, but does where nobody was left', async () => {
    const medium = new Map<string, Uint8Array>()
    const rig = new StoreRig(['a', 'b', 'c', 'd'], {
      tombstoneTime: 60_000,
      storage: (id) => (id.startsWith('c') ? { medium } : undefined),
    })
    await rig.run(rig.store('a').put('gone', 1))
    await rig.run(rig.store('a').put('kept', 2))
    rig.time.advance(1_000)
    const kept = new Map(medium)
    expect([...kept.keys()].some((key) => key.endsWith('/gone'))).toBe(true)
    rig.net.crash('c')
    rig.time.advance(10_000)
    await rig.run(rig.store('a').delete('gone'))
    // The tombstone waits for the page that crashed, for it might have been asleep only.
    rig.time.advance(26 * 60_000)
    expect(rig.service('a').find('s', 'gone')).toBeUndefined()
    rig.join('c2')
    rig.time.advance(60_000)
    for (const id of ['a', 'b', 'd', 'c2']) expect(rig.service(id).find('s', 'gone')).toBeUndefined()
    expect(await rig.run(rig.store('c2').get('kept'))).toBe(2)
    expect(await rig.run(rig.store('c2').get('gone'))).toBeUndefined()

    // Another mesh, later, where this storage is all that there is.
    medium.clear()
    for (const [key, value] of kept) medium.set(key, value)
    const alone = new StoreRig([], { tombstoneTime: 60_000, storage: () => ({ medium }) })
    alone.time.advance(600_000)
    alone.join('c3')
    alone.join('c4')
    alone.time.advance(30_000)
    expect(await alone.run(alone.store('c3').get('gone'))).toBe(1)
  })

  it('takes back after long what an edge worker alone had on its disk, where nothing was forgotten since', async () => {
    const medium = new Map<string, Uint8Array>()
    const rig = new StoreRig(['a', 'b', 'c', 'd', 'e', 'f', 'edge'], {
      tombstoneTime: 60_000,
      info: (id) => (id.startsWith('edge') ? { kind: 'edge' } : {}),
      storage: (id) => (id.startsWith('edge') ? { medium, durable: true } : undefined),
    })
    await rig.run(rig.store('a').put('deleted early', 1))
    await rig.run(rig.store('a').delete('deleted early'))
    rig.time.advance(3 * 60_000)
    expect(rig.service('a').stats().forgotten + rig.service('edge').stats().forgotten).toBeGreaterThan(0)
    await rig.run(rig.store('a').put('k', 'durable', { durable: true }))
    // All that hold it crash in the same moment; the others go on.
    const owners = [...rig.services.keys()].filter((id) => rig.service(id).find('s', 'k') !== undefined)
    expect(owners).toContain('edge')
    for (const id of owners) rig.net.crash(id)
    rig.time.advance(5 * 60_000)
    rig.join('edge-2')
    rig.time.advance(30_000)
    const other = ['a', 'b', 'c', 'd', 'e', 'f'].find((id) => !owners.includes(id)) as string
    expect(await rig.run(rig.store(other).get('k', { fresh: true }))).toBe('durable')
  })

  it('forgets with the mesh what it has read of a key that was deleted long ago', async () => {
    const rig = new StoreRig([...ids, 'f'], { tombstoneTime: 60_000 })
    await rig.run(rig.store('a').put('k', 1))
    for (const id of ids) expect(await rig.run(rig.store(id).get('k'))).toBe(1)
    await rig.run(rig.store('f').delete('k'))
    rig.time.advance(200_000)
    for (const id of ids) expect(rig.service(id).find('s', 'k')).toBeUndefined()
    for (const id of ids) expect(await rig.run(rig.store(id).get('k'))).toBeUndefined()
  })

  it('refuses new keys while its storage is full, and tells', async () => {
    const rig = new StoreRig(['a', 'b'], { storage: () => ({ quota: 2_000 }) })
    const told: boolean[] = []
    rig.service('a').on('storage', ({ isFull }) => told.push(isFull))
    const store = rig.store<string>('a', 's', { replicas: 2, writes: 2 })
    let refused: unknown
    for (let n = 0; n < 40 && refused === undefined; n++) {
      await rig.run(store.put(`key ${n}`, 'x'.repeat(200))).catch((error: unknown) => {
        refused = error
      })
      rig.time.advance(100)
    }
    expect(refused).toMatchObject({ name: 'NotEnoughPeers', message: expect.stringContaining('full') })
    expect(told).toEqual([true])
    for (let n = 0; n < 9; n++) await rig.run(store.delete(`key ${n}`))
    rig.time.advance(5_000)
    expect(told).toEqual([true, false])
    await rig.run(store.put('key 0', 'again'))
  })

  it('sets a clock back that is far ahead, and writes go on', async () => {
    const rig = new StoreRig(ids)
    rig.net.cluster('a').clockAhead = 3_600_000
    await rig.run(rig.store('a').put('k', 1))
    await rig.run(rig.store('b').put('k', 2))
    await rig.run(rig.store('a').update('k', (n) => (n as number) + 1))
    for (const id of ids) expect(await rig.run(rig.store(id).get('k', { fresh: true }))).toBe(3)
    const version = rig.service('b').find('s', 'k')?.version ?? rig.service('c').find('s', 'k')?.version ?? ''
    expect(Number.parseInt(version.slice(0, 12), 16)).toBeLessThan(rig.time.runtime().wallClock() + 10_000)
  })

  it('mends a replica that a fresh read finds behind', async () => {
    const rig = new StoreRig(['a', 'b', 'c'])
    const record = {
      store: 's',
      replicas: 3,
      key: 'k',
      kind: 0,
      version: '019b76da00000000-x',
      content: new Uint8Array([1]),
    }
    rig.service('b').coordinator.repair(record, ['b'])
    rig.service('c').coordinator.repair(record, ['c'])
    expect(await rig.run(rig.store('a').get('k', { fresh: true }))).toBe(1)
    rig.time.advance(50)
    expect(rig.service('a').find('s', 'k')?.version).toBe(record.version)
  })

  it('brings a suspected owner what it missed as soon as it is back', async () => {
    const rig = new StoreRig(ids, { suspectAfter: 500, deadAfter: 60_000 })
    const [first = '', ...rest] = rig.net.cluster('a').ring.owners('k', 3)
    rig.net.partition([[first], ids.filter((id) => id !== first)])
    rig.time.advance(1_000)
    await rig.run(rig.store(rest[0] as string).put('k', 'new'))
    expect(rig.service(rest[0] as string).stats().hinted).toBe(1)
    rig.net.heal()
    rig.time.advance(200)
    expect(rig.service(first).find('s', 'k')).toBeDefined()
  })

  it('tells of progress while copies move, and closes with everything under way refused', async () => {
    const rig = new StoreRig(ids)
    for (let n = 0; n < 100; n++) await rig.run(rig.store('a').put(`key ${n}`, n))
    const progress: number[] = []
    rig.service('a').on('progress', ({ sent }) => progress.push(sent))
    rig.join('f')
    rig.time.advance(5_000)
    expect(progress.length).toBeGreaterThan(0)
    rig.net.freeze('b', 5_000)
    const late = rig.store('a').put('k', 1, { timeout: 60_000 })
    rig.service('a').close()
    await expect(late).rejects.toMatchObject({ name: 'Closed' })
    await expect(rig.store('a').put('k', 1)).rejects.toMatchObject({ name: 'Closed' })
  })
})
