import { describe, expect, it } from 'vitest'
import { hedgeAfter } from './constants.js'
import { StoreRig } from './testing/store-rig.js'

const ids = ['a', 'b', 'c', 'd', 'e']

describe('a read', () => {
  it('finds what was just acknowledged, from any peer, whichever owner has it not yet', async () => {
    // The longer the way to some owners, the longer they lack what two others have.
    const slow = new Set<string>()
    const rig = new StoreRig(ids, { delay: (_, to) => (slow.has(to) ? 400 : 1) })
    for (let n = 0; n < 30; n++) {
      const key = `key ${n}`
      const owners = rig.net.cluster('a').ring.owners(key, 3)
      for (const late of owners) {
        const writer = ids.find((id) => !owners.includes(id)) as string
        slow.clear()
        slow.add(late)
        const { holders } = await rig.run(rig.store(writer).put(`${key}`, late))
        expect(holders).not.toContain(late)
        slow.clear()
        for (const id of ids) {
          const value = await rig.run(rig.store(id).get(key))
          if (late === owners[0]) expect(value, `${key} from ${id}`).toBe(late)
          else expect(value, `${key} from ${id}`).toBeDefined()
        }
        rig.time.advance(1_000)
      }
    }
  })

  it('says that nothing is there once all owners said so, and does not wait for one that is stuck', async () => {
    const rig = new StoreRig(ids)
    const owners = rig.net.cluster('a').ring.owners('nothing', 3)
    const reader = ids.find((id) => !owners.includes(id)) as string
    const before = rig.time.now
    expect(await rig.run(rig.store(reader).get('nothing'))).toBeUndefined()
    expect(rig.time.now - before).toBeLessThan(hedgeAfter)
    for (const stuck of owners) {
      rig.net.freeze(stuck, 5_000)
      const start = rig.time.now
      expect(await rig.run(rig.store(reader).get('nothing'))).toBeUndefined()
      expect(rig.time.now - start).toBeLessThan(3 * hedgeAfter)
      rig.time.advance(6_000)
    }
  })

  it('asks one owner only where that has the key', async () => {
    let asked = 0
    const rig = new StoreRig(ids, {
      onMessage: (_from, _to, { type }) => {
        if (type === 'store.get') asked++
      },
    })
    const reader = ids.find((id) => !rig.net.cluster('a').ring.owners('k', 3).includes(id)) as string
    await rig.run(rig.store(reader).put('k', 1))
    rig.time.advance(100)
    asked = 0
    expect(await rig.run(rig.store(reader).get('k'))).toBe(1)
    expect(asked).toBe(1)
    await rig.run(rig.store(reader).get('nothing'))
    expect(asked).toBe(4)
  })

  it('rests no fresh answer on an owner that has not been brought its keys yet', async () => {
    let late: string | undefined
    const rig = new StoreRig([...ids, 'f', 'g'], {
      suspectAfter: 200,
      deadAfter: 400,
      // What the writer says to one of the owners takes long.
      delay: (from, to) => (from === 'a' && to === late ? 60_000 : 1),
    })
    const [key = '', owners = []] =
      Array.from({ length: 100 }, (_, n) => `key ${n}`)
        .map((key) => [key, rig.net.cluster('a').ring.owners(key, 3)] as const)
        .find(([, owners]) => !owners.includes('a')) ?? []
    const [first = '', second = '', third = ''] = owners
    await rig.run(rig.store('a').put(key, 'old'))
    rig.time.advance(100)
    late = third
    const { holders } = await rig.run(rig.store('a').put(key, 'new'))
    expect(holders).not.toContain(third)
    rig.net.freeze(second, 3_000)
    rig.net.crash(first)
    rig.time.advance(1_000)
    const newcomer = rig.net
      .cluster(third)
      .ring.owners(key, 3)
      .find((id) => !owners.includes(id))
    expect(rig.service(newcomer as string).stats().settled).toBe(false)
    const reader = rig.net.running.find(({ self }) => ![...owners, newcomer, 'a'].includes(self))?.self
    expect(await rig.run(rig.store(reader as string).get(key, { fresh: true }))).toBe('new')
  })
})
