import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { sparingLog } from './sparing-log.js'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

it('writes the first warnings of a kind within a second, then how many more there were', () => {
  const lines: unknown[][] = []
  const log = sparingLog((...line) => lines.push(line))
  for (let n = 0; n < 1_000; n++) log('warn', 'a connection was refused', { reason: 'origin', n })
  log('warn', 'a connection was refused', { reason: 'draining' })
  for (let n = 0; n < 30; n++) log('info', 'a peer joined', { n })
  expect(lines).toHaveLength(20 + 1 + 30)
  vi.advanceTimersByTime(1_000)
  expect(lines.at(-1)).toEqual([
    'warn',
    'more warnings of one kind than are written in a second',
    { kind: 'a connection was refused: origin', more: 980 },
  ])
  log('warn', 'a connection was refused', { reason: 'origin', n: 1_000 })
  expect(lines.at(-1)?.[2]).toEqual({ reason: 'origin', n: 1_000 })
  vi.advanceTimersByTime(10_000)
  expect(lines).toHaveLength(20 + 1 + 30 + 1 + 1)
})
