import { describe, expect, it } from 'vitest'
import { VirtualTime } from '../../src/runtime/index.js'
import { WaitingMessages, waitingTime } from './waiting-messages.js'

function waitingRoom() {
  const time = new VirtualTime(1)
  let expired = 0
  const waiting = new WaitingMessages(time.runtime('server'), () => {
    expired++
    return true
  })
  return { time, waiting, expired: () => expired }
}

describe('waiting messages', () => {
  it('bound what tiny messages for many who never come cost, not only their bytes', () => {
    const { time, waiting, expired } = waitingRoom()
    for (let n = 0; n < 50_000; n++) waiting.add(`caller ${n % 100}`, `nobody ${n}`, new Uint8Array(20))
    expect(expired()).toBeGreaterThan(50_000 - 32 * 1024)
    time.advance(waitingTime)
    expect(expired()).toBe(50_000)
    waiting.add('a', 'nobody', new Uint8Array(20))
    expect(expired()).toBe(50_000)
  })

  it('are told of as expired where who came is gone again before they could be handed over', () => {
    const time = new VirtualTime(1)
    const sent: string[] = []
    let isThere = true
    const waiting = new WaitingMessages(time.runtime('server'), (to, frame) => {
      sent.push(`${to}: ${new TextDecoder().decode(frame)}`)
      return to === 'caller' || isThere
    })
    const frame = new TextEncoder().encode('an offer')
    waiting.add('caller', 'late', frame)
    waiting.add('caller', 'late', frame)
    isThere = false
    waiting.arrived('late')
    time.advance(1)
    const expire = 'caller: {"type":"EXPIRE","src":"late","dst":"caller"}'
    expect(sent.filter((line) => line.startsWith('caller'))).toEqual([expire])
  })

  it('leave room for others, however much one sender has waiting', () => {
    const { time, waiting, expired } = waitingRoom()
    for (let n = 0; n < 50_000; n++) waiting.add('flood', `nobody ${n}`, new Uint8Array(20))
    const refused = expired()
    expect(refused).toBeGreaterThan(45_000)
    waiting.add('a', 'late', new Uint8Array(8_192))
    expect(expired()).toBe(refused)
    // What has waited is paid back.
    time.advance(waitingTime)
    const before = expired()
    waiting.add('flood', 'nobody', new Uint8Array(20))
    expect(expired()).toBe(before)
  })
})
