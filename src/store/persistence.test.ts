import 'fake-indexeddb/auto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { systemRuntime } from '../runtime/index.js'
import { indexedDbPersistence, type Locks } from './adapters/indexed-db.js'
import { levelPersistence } from './adapters/level.js'
import { memoryPersistence } from './adapters/memory.js'
import type { Change, Persistence } from './persistence.js'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** Web Locks as far as the adapter uses them, for one browser in this process. */
class FakeLocks {
  readonly #held = new Set<string>()

  readonly request = (async (
    name: string,
    _options: LockOptions,
    granted: (lock: Lock | null) => Promise<unknown> | undefined,
  ) => {
    await Promise.resolve()
    if (this.#held.has(name)) return granted(null)
    this.#held.add(name)
    try {
      return await granted({ name, mode: 'exclusive' })
    } finally {
      this.#held.delete(name)
    }
  }) as unknown as Locks['request']
}

interface Medium {
  /** Opens storage over the same medium, as a later life does. */
  open(): Persistence | Promise<Persistence>
}

let rooms = 0
const media: Record<string, () => Medium> = {
  memory() {
    const medium = new Map<string, Uint8Array>()
    return { open: () => memoryPersistence(systemRuntime(), { medium }) }
  },
  'classic-level'() {
    const directory = mkdtempSync(join(tmpdir(), 'ringmesh-'))
    folders.push(directory)
    return { open: () => levelPersistence({ directory }) }
  },
  'idb-keyval'() {
    const room = `room ${rooms++}`
    const locks = new FakeLocks()
    let pages = 0
    return { open: () => indexedDbPersistence({ room, page: `page-${pages++}`, locks }) }
  },
}

const load = (persistence: Persistence) =>
  new Promise<Map<string, Uint8Array>>((resolve, reject) => {
    const entries = new Map<string, Uint8Array>()
    persistence.load(
      (key, value) => entries.set(key, value),
      (error) => (error === undefined ? resolve(entries) : reject(error)),
    )
  })
const write = (persistence: Persistence, batch: readonly Change[], durable = false) =>
  new Promise<void>((resolve, reject) => {
    let isInside = true
    persistence.write(batch, durable, (error) => {
      if (isInside) reject(new Error('called back before the call returned'))
      else if (error === undefined) resolve()
      else reject(error)
    })
    isInside = false
  })
const close = (persistence: Persistence) => new Promise<void>((resolve) => persistence.close(resolve))
const bytes = (...values: number[]) => new Uint8Array(values)
const plain = (entries: Map<string, Uint8Array>) =>
  [...entries]
    .map(([key, value]) => [key, [...value]])
    .sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1))

describe.each(Object.keys(media))('persistence by %s', (name) => {
  const medium = () => (media[name] as () => Medium)()

  it('is empty at first', async () => {
    const persistence = await medium().open()
    expect(await load(persistence)).toEqual(new Map())
    await close(persistence)
  })

  it('gives back in a later life what was written, in batches, the latest of each key', async () => {
    const { open } = medium()
    const first = await open()
    await load(first)
    await write(first, [
      ['a', bytes(1)],
      ['b', bytes(2, 2)],
      ['ключ/с/🙂', bytes()],
    ])
    await write(first, [
      ['a', bytes(3)],
      ['b', undefined],
      ['never there', undefined],
    ])
    await write(first, [['d', bytes(4)]], true)
    await close(first)
    const second = await open()
    expect(plain(await load(second))).toEqual([
      ['a', [3]],
      ['d', [4]],
      ['ключ/с/🙂', []],
    ])
    await write(second, [['a', undefined]])
    await close(second)
    const third = await open()
    expect([...(await load(third)).keys()].sort()).toEqual(['d', 'ключ/с/🙂'])
    await close(third)
  })

  it('keeps writes in order when they are not awaited, and finishes them before it closes', async () => {
    const { open } = medium()
    const first = await open()
    await load(first)
    const writes = Array.from({ length: 50 }, (_, n) => write(first, [['n', bytes(n)]]))
    await close(first)
    await Promise.all(writes)
    const second = await open()
    expect(plain(await load(second))).toEqual([['n', [49]]])
    await close(second)
  })

  it('holds a large batch and a large value', async () => {
    const { open } = medium()
    const first = await open()
    await load(first)
    const batch: Change[] = Array.from({ length: 3000 }, (_, n) => [`key ${n}`, bytes(n & 255)])
    const large = new Uint8Array(2 ** 20).fill(7)
    await write(first, [...batch, ['large', large]])
    await close(first)
    const second = await open()
    const entries = await load(second)
    expect(entries.size).toBe(3001)
    expect(Buffer.compare(entries.get('large') ?? bytes(), large)).toBe(0)
    await close(second)
  })

  it('tells of a write after closing as of a failure', async () => {
    const persistence = await medium().open()
    await load(persistence)
    await close(persistence)
    await expect(write(persistence, [['a', bytes(1)]])).rejects.toThrow()
  })
})

describe('persistence by idb-keyval', () => {
  it('adopts what pages left that are gone, and not what a living page holds', async () => {
    const room = 'adoption'
    const locks = new FakeLocks()
    const open = (page: string) => indexedDbPersistence({ room, page, locks })
    const [one, two, three] = [open('one'), open('two'), open('three')] as const
    for (const [index, persistence] of [one, two, three].entries()) {
      expect(await load(persistence)).toEqual(new Map())
      await write(persistence, [[`of ${index}`, bytes(index)]])
    }
    await close(one)
    await close(two)
    const four = open('four')
    expect(plain(await load(four))).toEqual([
      ['of 0', [0]],
      ['of 1', [1]],
    ])
    await write(four, [['new', bytes(9)]])
    await close(four)
    const five = open('five')
    expect(plain(await load(five))).toEqual([
      ['new', [9]],
      ['of 0', [0]],
      ['of 1', [1]],
    ])
    await close(five)
    await close(three)
  })
})
