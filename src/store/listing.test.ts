import { describe, expect, it } from 'vitest'
import type { WireRecord } from './record.js'
import { StoreRig } from './testing/store-rig.js'

const version = '019b76da00000000-x'

async function keysOf(rig: StoreRig, id: string): Promise<string[]> {
  const found: string[] = []
  for await (const [key] of rig.store(id).entries({ prefix: 'key' })) found.push(key)
  return found
}

describe('entries', () => {
  it('misses no key that was there before, while peers join, leave and are suspected', async () => {
    const rig = new StoreRig(['a', 'b', 'c', 'd', 'e'], { delay: 10, bandwidth: 200 })
    const keys = Array.from({ length: 900 }, (_, n) => `key ${String(n).padStart(4, '0')}`)
    // One copy each: what moves is in one place only.
    const store = rig.store('a', 's', { replicas: 1 })
    await rig.run(Promise.all(keys.map((key) => store.put(key, 'x'.repeat(200)))))
    const list = async () => {
      const found: string[] = []
      for await (const [key] of store.entries({ prefix: 'key' })) {
        found.push(key)
        if (found.length % 300 === 1) rig.join(`j${found.length}`)
        if (found.length === 500) rig.net.leave('c')
        if (found.length === 700) rig.net.suspect('d', ['a', 'b'], 500)
      }
      return found
    }
    expect(await rig.run(list(), 120_000)).toEqual(keys)
  })

  it.each([
    ['the same key for ever', 'key 1'],
    ['keys that were not asked for', 'other'],
    ['nothing, and more to come', ''],
  ])('is led astray by no peer that lists %s', async (_, key) => {
    const rig = new StoreRig(['a', 'b', 'c', 'd'])
    for (let n = 0; n < 5; n++) await rig.run(rig.store('a').put(`key ${n}`, n))
    const hostile = rig.net.join('hostile')
    hostile.serve('store.list', (_asked, request) => {
      const record: WireRecord = ['s', 3, key, 0, version, new Uint8Array([1])]
      request.reply({ type: 'store.listed', records: key === '' ? [] : [record], more: true })
    })
    rig.time.advance(40_000)
    expect(rig.net.cluster('a').member('hostile')?.state).toBe('alive')
    expect(await rig.run(keysOf(rig, 'a'))).toEqual(['key 0', 'key 1', 'key 2', 'key 3', 'key 4'])
  })

  it('rejects where so many do not answer that what was acknowledged could be missing', async () => {
    const rig = new StoreRig(['a', 'b', 'c', 'd', 'e'], { deadAfter: 600_000 })
    for (let n = 0; n < 5; n++) await rig.run(rig.store('a').put(`key ${n}`, n))
    for (const id of ['d', 'e']) rig.net.freeze(id, 600_000)
    await expect(rig.run(keysOf(rig, 'a'), 120_000)).rejects.toMatchObject({ name: 'Timeout' })
  })
})
