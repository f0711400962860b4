import { expect, it } from 'vitest'
import { VirtualTime } from '../../src/runtime/index.js'
import { WaitingMessages, waitingTime } from './waiting-messages.js'

it('bound what tiny messages for many who never come cost, not only their bytes', () => {
  const time = new VirtualTime(1)
  let expired = 0
  const waiting = new WaitingMessages(time.runtime('server'), () => {
    expired++
    return true
  })
  for (let n = 0; n < 50_000; n++) waiting.add('a', `nobody ${n}`, new Uint8Array(20))
  expect(expired).toBeGreaterThan(50_000 - 32 * 1024)
  time.advance(waitingTime)
  expect(expired).toBe(50_000)
  waiting.add('a', 'nobody', new Uint8Array(20))
  expect(expired).toBe(50_000)
})
