import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { systemRuntime } from './index.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const day = 86_400_000

test('a timer longer than platforms can count fires at its time, and not at once', () => {
  const fire = vi.fn()
  systemRuntime().timer(60 * day, fire)
  vi.advanceTimersByTime(60 * day - 1)
  expect(fire).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(fire).toHaveBeenCalledOnce()
})

test('such a timer can be taken back at any time', () => {
  const fire = vi.fn()
  const timer = systemRuntime().timer(60 * day, fire)
  vi.advanceTimersByTime(30 * day)
  timer.cancel()
  vi.advanceTimersByTime(60 * day)
  expect(fire).not.toHaveBeenCalled()
})
