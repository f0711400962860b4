import { expect, it } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import { decodeMessage } from '../wire/index.js'
import { Carrier, type CarrierEvents } from './carrier.js'
import type { LinkEvents } from './link.js'

const ignored: CarrierEvents = { frame() {}, open() {}, drain() {}, trouble() {}, close() {} }

it('greets until it is answered, often enough for two greetings within four seconds of the end of any cut', () => {
  const time = new VirtualTime(1)
  const greetedAt: number[] = []
  let link: LinkEvents | undefined
  const carrier = new Carrier(
    time.runtime(),
    (events) => {
      link = events
      return {
        kind: 'relay',
        remote: 'b',
        largestFrame: 65_536,
        buffered: 0,
        close() {},
        send: (frame) => {
          if (decodeMessage(frame).type === 'session.hello') greetedAt.push(time.now)
        },
      }
    },
    ignored,
  )
  link?.open()
  carrier.greet(() => ({ session: 1, peerSession: 0, received: 0 }))
  time.advance(120_000)
  expect(greetedAt[1]).toBeLessThan(1_000)
  for (const [index, at] of greetedAt.slice(2).entries())
    expect(at - (greetedAt[index] as number)).toBeLessThan(4_000)
  const greetings = greetedAt.length
  expect(greetings).toBeGreaterThan(60)
  carrier.prove()
  time.advance(60_000)
  expect(greetedAt).toHaveLength(greetings)
})
