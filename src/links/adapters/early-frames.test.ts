import { expect, it } from 'vitest'
import { limits } from '../../wire/index.js'
import { EarlyFrames } from './early-frames.js'

it('keeps what comes before a channel is open, in order, and gives it once', () => {
  const early = new EarlyFrames()
  for (let frame = 0; frame < 200; frame++) early.keep(new Uint8Array([frame]))
  expect(early.take().map(([first]) => first)).toEqual(Array.from({ length: 200 }, (_, frame) => frame))
  expect(early.take()).toEqual([])
})

it('keeps no more than a session may have under way, however much comes', () => {
  const early = new EarlyFrames()
  for (let frame = 0; frame < 1_000; frame++) early.keep(new Uint8Array(limits.frameBytes))
  expect(early.take()).toHaveLength(16)
  for (let frame = 0; frame < 1_000; frame++) early.keep(new Uint8Array(1))
  expect(early.take()).toHaveLength(256)
})
