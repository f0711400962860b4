import { describe, expect, it } from 'vitest'
import { Codec } from './codec.js'
import type { Held } from './held.js'
import { counter } from './merges/index.js'
import { kinds } from './merges/kinds.js'
import { join } from './record.js'

const version = (number: number) => `${number.toString(16).padStart(12, '0')}0000-a`

describe('Codec', () => {
  it('remembers the names of few writers, and never writes a forgotten key under an old one', () => {
    const codec = new Codec<number>('a', counter(), 2)
    let stamp = 0
    const write = (key: string, held: Held | undefined, next: number): Held => {
      const written = { kind: kinds.counter, version: version(++stamp), content: null }
      return { ...written, content: codec.pack(key, held, next, written.version) }
    }
    const old = write('k', undefined, 5)
    for (let other = 0; other < 10; other++) write(`other ${other}`, undefined, 1)
    // The mesh has forgotten the key: what is counted now adds to what returns from before, and hides nothing of it.
    const now = write('k', undefined, 3)
    expect(codec.unpack(join(old, now))).toBe(8)
    // A key that was not forgotten goes on from what is held.
    for (let other = 0; other < 10; other++) write(`another ${other}`, undefined, 1)
    expect(codec.unpack(join(now, write('k', now, 4)))).toBe(4)
  })
})
