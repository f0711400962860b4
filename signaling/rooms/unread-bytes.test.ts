import fc from 'fast-check'
import { expect, it } from 'vitest'
import { UnreadBytes } from './unread-bytes.js'

class Reader {
  unread = 0
  isCut = false
}

function served(
  count: number,
  limit: number,
): { readers: Reader[]; bytes: UnreadBytes<Reader>; cut: Reader[] } {
  const readers = Array.from({ length: count }, () => new Reader())
  const cut: Reader[] = []
  const bytes = new UnreadBytes<Reader>(limit, (reader) => {
    expect(reader.unread).toBe(Math.max(...readers.map(({ unread }) => unread)))
    reader.isCut = true
    reader.unread = 0
    cut.push(reader)
  })
  return { readers, bytes, cut }
}

it('holds what a thousand readers leave unread below a limit that each of them keeps', () => {
  const { readers, bytes, cut } = served(1_000, 1_000_000)
  for (let round = 0; round < 100; round++) {
    for (const reader of readers) {
      if (reader.isCut) continue
      reader.unread += 1_000
      bytes.sent(reader, 1_000)
      expect(bytes.total).toBeLessThanOrEqual(1_000_000 * (1 + 1 / 16))
    }
  }
  expect(cut.length).toBeGreaterThan(900)
})

it('cuts those off that have the most unread, and none while there is room', () => {
  const frames = fc.array(
    fc.record({ to: fc.nat(9), bytes: fc.integer({ min: 1, max: 50 }), reads: fc.boolean() }),
  )
  fc.assert(
    fc.property(frames, (all) => {
      const { readers, bytes, cut } = served(10, 500)
      for (const { to, bytes: size, reads } of all) {
        const reader = readers[to] as Reader
        if (reader.isCut) continue
        const [before, cutBefore] = [bytes.total, cut.length]
        reader.unread += size
        bytes.sent(reader, size)
        if (before + size <= 500) expect(cut.length).toBe(cutBefore)
        if (reads) reader.unread = 0
      }
      const left = readers.reduce((sum, { unread }) => sum + unread, 0)
      expect(bytes.total).toBe(left)
      bytes.look()
      expect(bytes.total).toBeLessThanOrEqual(500)
    }),
  )
})
