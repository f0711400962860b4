import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { ConnectionDescription } from './connection-description.js'
import { GatheringSignals } from './gathering-signals.js'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** One end that has just made its offer, and what it has sent. */
function offering() {
  let sdp = 'v=0'
  const sent: string[] = []
  const signals = new GatheringSignals(
    (description) =>
      sent.push(description.type === 'candidate' ? description.candidate.candidate : description.sdp),
    () => ({ type: 'offer', sdp }),
  )
  const find = (candidate: string): void => {
    sdp += ` ${candidate}`
    signals.add({ type: 'candidate', candidate: { candidate, sdpMLineIndex: 0, sdpMid: '0' } })
  }
  const offer: ConnectionDescription = { type: 'offer', sdp }
  signals.add(offer)
  return { signals, sent, find }
}

it('sends an offer with the candidates that are found at once', () => {
  const { sent, find } = offering()
  vi.advanceTimersByTime(90)
  find('one')
  vi.advanceTimersByTime(9)
  find('two')
  expect(sent).toEqual([])
  vi.advanceTimersByTime(10)
  expect(sent).toEqual(['v=0 one two'])
})

it('waits for no more of them when there are none to come', () => {
  const { signals, sent, find } = offering()
  find('one')
  signals.complete()
  expect(sent).toEqual(['v=0 one'])
  vi.advanceTimersByTime(10_000)
  signals.complete()
  expect(sent).toHaveLength(1)
})

it('lets a candidate follow by itself that is found later', () => {
  const { sent, find } = offering()
  find('one')
  vi.advanceTimersByTime(10)
  find('from a server')
  expect(sent).toEqual(['v=0 one', 'from a server'])
})

it('sends an offer without any when none is found for half a second', () => {
  const { sent } = offering()
  vi.advanceTimersByTime(499)
  expect(sent).toEqual([])
  vi.advanceTimersByTime(1)
  expect(sent).toEqual(['v=0'])
})

it('sends nothing once closed', () => {
  const { signals, sent, find } = offering()
  find('one')
  signals.close()
  vi.advanceTimersByTime(10_000)
  signals.complete()
  expect(sent).toEqual([])
})
