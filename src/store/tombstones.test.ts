import { describe, expect, it } from 'vitest'
import type { PeerId } from '../wire/index.js'
import { StoreRig, type StoreRigOptions } from './testing/store-rig.js'

const ids = ['a', 'b', 'c', 'd', 'e']
const tombstoneTime = 60_000
/** Five times as long as the others remember the deletion at least. */
const away = 5 * tombstoneTime

const keys = Array.from({ length: 40 }, (_, number) => `key ${number}`)
const even = keys.filter((_, number) => number % 2 === 0)

async function filled(options: StoreRigOptions = {}): Promise<StoreRig> {
  const rig = new StoreRig(ids, { tombstoneTime, ...options })
  await rig.run(Promise.all(keys.map((key) => rig.store('a').put(key, key))))
  rig.time.advance(5_000)
  return rig
}

const deleteEven = (rig: StoreRig, by: PeerId) =>
  rig.run(Promise.all(even.map((key) => rig.store(by).delete(key))))

/** What everybody reads of all keys that are there. */
async function read(rig: StoreRig, by: PeerId): Promise<string[]> {
  const found: string[] = []
  for (const key of keys)
    if ((await rig.run(rig.store(by).get(key, { fresh: true }))) !== undefined) found.push(key)
  return found
}

const odd = keys.filter((key) => !even.includes(key))

describe('a deleted key', () => {
  it.each([
    ['one peer', ['b'], false],
    ['one peer that sleeps', ['b'], true],
    ['two peers', ['b', 'c'], false],
    ['most peers', ['b', 'c', 'd'], false],
  ] as const)(
    'does not come back with %s that was cut off for longer than it is remembered',
    async (_, gone, sleeps) => {
      const rig = await filled()
      rig.net.partition([gone, ids.filter((id) => !(gone as readonly PeerId[]).includes(id))])
      if (sleeps) for (const id of gone) rig.net.freeze(id, away + 20_000)
      rig.time.advance(15_000)
      await deleteEven(rig, 'a')
      rig.time.advance(away)
      rig.net.heal()
      rig.time.advance(60_000)
      for (const id of ids) expect(await read(rig, id), id).toEqual(odd)
    },
  )

  it('does not come back though all who knew it have been replaced meanwhile', async () => {
    const rig = await filled()
    rig.net.partition([['b'], ids.filter((id) => id !== 'b')])
    rig.time.advance(15_000)
    await deleteEven(rig, 'a')
    for (const [index, id] of ['a', 'c', 'd', 'e'].entries()) {
      rig.join(`new ${index}`.replace(' ', '-'))
      rig.time.advance(40_000)
      rig.net.leave(id)
      rig.time.advance(40_000)
    }
    rig.time.advance(away)
    rig.net.heal()
    rig.time.advance(60_000)
    for (const id of ['b', 'new-0', 'new-3']) expect(await read(rig, id), id).toEqual(odd)
  })

  it('is forgotten in the end where a peer is gone for good', async () => {
    const rig = await filled()
    rig.net.crash('b')
    rig.time.advance(15_000)
    await deleteEven(rig, 'a')
    rig.time.advance(away)
    const forgotten = () =>
      ['a', 'c', 'd', 'e'].reduce((sum, id) => sum + rig.service(id).stats().forgotten, 0)
    expect(forgotten()).toBe(0)
    rig.time.advance(26 * tombstoneTime)
    expect(forgotten()).toBeGreaterThanOrEqual(3 * even.length)
    expect(await read(rig, 'a')).toEqual(odd)
  })

  it('is forgotten soon where nobody is missing, or where who is missing had heard of it', async () => {
    const rig = await filled()
    await deleteEven(rig, 'a')
    rig.time.advance(1.1 * tombstoneTime)
    rig.net.crash('b')
    rig.time.advance(2 * tombstoneTime)
    expect(rig.service('a').stats().forgotten).toBeGreaterThan(0)
    const left = ['a', 'c', 'd', 'e'].flatMap((id) => even.filter((key) => rig.service(id).find('s', key)))
    expect(left).toEqual([])
  })
})
