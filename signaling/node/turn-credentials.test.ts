import { expect, it } from 'vitest'
import { FakeInstance, type FakePeer, FakeService } from '../testing/fake-peer.js'
import { iceServers } from './turn-credentials.js'

/** When the last credentials that a peer was given expire, in milliseconds of the clock. */
function expiryOf({ got }: FakePeer): number {
  const [server] = got.flatMap((message) => ('iceServers' in message ? message.iceServers : [])).slice(-1)
  return 1_000 * Number(server?.username?.split(':')[0])
}

it.each([4, 5, 10])('TURN credentials for %i s are renewed before they expire', (ttlSeconds) => {
  const turn = { urls: ['turn:turn.example'], secret: 'north', ttlSeconds }
  // Wherever a peer joins within a second of the clock, and within one between two looks at all sockets.
  for (let phase = 0; phase < 1_000; phase += 199) {
    for (let late = 0; late < 1_000; late += 199) {
      const service = new FakeService(1, 1)
      const grant = iceServers(service.runtime, [], turn)
      const instance = new FakeInstance(service.runtime, service.hub.bus('one'), {}, undefined, grant)
      service.time.advance(phase)
      service.peer('first', instance)
      service.time.advance(late)
      const peer = service.peer('a', instance)
      service.time.advance(10)
      for (let passed = 0; passed < 2_000 * ttlSeconds; passed += 50) {
        expect(expiryOf(peer)).toBeGreaterThan(service.runtime.wallClock())
        service.time.advance(50)
      }
    }
  }
})
