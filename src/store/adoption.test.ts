import { describe, expect, it } from 'vitest'
import { packValue } from '../wire/index.js'
import { StoreRig } from './testing/store-rig.js'

const version = '019b76da00000000-x'
const content = packValue('kept')

describe('what storage held', () => {
  it('is skipped where it is no record, and the rest is taken', async () => {
    const valid = [3, 0, version, content]
    const wrong: unknown[] = [
      undefined,
      'text',
      [],
      [3, 0, version],
      [3, 0, 'zzz', content],
      [3, 0, 'ffffffffffffffff-', content],
      [1e9, 0, version, content],
      [Number.NaN, 0, version, content],
      [3, 99, version, content],
      [3, 0, version, 'text'],
      [3, 0, version, content, 'more'],
    ]
    const medium = new Map<string, Uint8Array>([['r/s/good', packValue(valid)]])
    for (const [index, value] of wrong.entries()) medium.set(`r/s/wrong ${index}`, packValue(value))
    medium.set('r/s/bytes', new Uint8Array([0xc1, 0xff]))
    medium.set('r/%E0%A4%A/k', packValue(valid))
    medium.set(`r/s/${'x'.repeat(3_000)}`, packValue(valid))
    medium.set('other', packValue(valid))
    const rig = new StoreRig(['a', 'b', 'c'], {
      storage: (id) => (id === 'a' ? { medium } : undefined),
    })
    rig.time.advance(1_000)
    expect(rig.service('a').stats().keys).toBe(1)
    expect(await rig.run(rig.store('b').get('good'))).toBe('kept')
    await rig.run(rig.store('b').put('wrong 4', 'new'))
    expect(await rig.run(rig.store('a').get('wrong 4'))).toBe('new')
  })

  it('waits where it is stamped in the future, and comes back when that is there', async () => {
    // Written by a machine whose clock was an hour ahead then, and is right now.
    const medium = new Map<string, Uint8Array>()
    const rig = new StoreRig(['a', 'b', 'c'], {
      storage: (id) => (id === 'a' ? { medium } : undefined),
    })
    const ahead = rig.time.runtime().wallClock() + 3_600_000
    const early = `${ahead.toString(16).padStart(12, '0')}0000-x`
    medium.set('r/s/k', packValue([3, 0, early, content]))
    rig.time.advance(60_000)
    expect(rig.service('a').find('s', 'k')).toBeUndefined()
    expect(rig.service('a').stats().unjudged).toBe(1)
    expect(medium.has('r/s/k')).toBe(true)
    rig.time.advance(3_600_000)
    expect(rig.service('a').stats().unjudged).toBe(0)
    expect(await rig.run(rig.store('b').get('k'))).toBe('kept')
  })
})

describe('a newcomer', () => {
  it('does not wait for a hidden tab that has vanished', () => {
    const minute = 60_000
    const rig = new StoreRig(['a', 'b', 'c', 'd', 'hidden'], { suspectAfter: minute, deadAfter: minute })
    rig.net.park('hidden')
    rig.time.advance(5_000)
    rig.net.crash('hidden')
    rig.join('e')
    rig.time.advance(4_000)
    expect(rig.net.cluster('a').member('hidden')?.state).toBe('parked')
    expect(rig.net.cluster('a').member('e')?.state).toBe('alive')
  })
})

describe('a durable key', () => {
  it('is on the disk of the next edge worker before the last one takes it off its own', async () => {
    const media = new Map<string, Map<string, Uint8Array>>()
    const lost: string[] = []
    const rig: StoreRig = new StoreRig(['a', 'b', 'edge'], {
      info: (id) => (id.startsWith('edge') ? { kind: 'edge', weight: 4 } : {}),
      storage: (id) => {
        if (!id.startsWith('edge')) return undefined
        const medium = new Map<string, Uint8Array>()
        media.set(id, medium)
        return { durable: true, delay: 20, medium, isCached: true }
      },
      trace: (id, event, [, key]) => {
        if (event !== 'store.drop' || id !== 'edge') return
        if (!media.get('edge-2')?.has(`r/s/${key}`)) lost.push(String(key))
      },
    })
    const keys = Array.from({ length: 300 }, (_, n) => `key ${n}`)
    await rig.run(Promise.all(keys.map((key) => rig.store('a').put(key, key, { durable: true }))))
    rig.join('edge-2')
    // Nothing is dropped while it is promised to be kept.
    rig.time.advance(60_000)
    expect(rig.service('edge').stats().dropped).toBeGreaterThan(5)
    expect(lost).toEqual([])
  })
})
