import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type FakeInstance, type FakePeer, FakeService } from '../testing/fake-peer.js'

/** What may happen to a service. */
type Step =
  | { readonly do: 'join'; readonly peer: number; readonly at: number }
  | { readonly do: 'leave' | 'drop'; readonly peer: number }
  | { readonly do: 'kill'; readonly at: number }
  | { readonly do: 'lose' | 'find' }
  | { readonly do: 'wait'; readonly milliseconds: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant('join'), peer: fc.nat(7), at: fc.nat(2) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('leave', 'drop'), peer: fc.nat(7) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('kill'), at: fc.nat(2) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('lose', 'find') }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constant('wait'), milliseconds: fc.nat(60) }) },
) as fc.Arbitrary<Step>

describe('three instances on one bus', () => {
  it('agree on who is where once nothing happens any more, whatever happened before', () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 0, max: 30 }),
        fc.nat(),
        (steps, delay, seed) => {
          const service = new FakeService(seed, delay)
          let fresh = 0
          const instances: FakeInstance[] = []
          const names: string[] = []
          const begin = (at: number): void => {
            names[at] = `i${++fresh}`
            instances[at] = service.instance(names[at] as string)
          }
          for (const at of [0, 1, 2]) begin(at)
          const sockets: { peer: FakePeer; at: number }[] = []
          const ofPeer = (n: number) => sockets.filter(({ peer }) => peer.open && peer.id === `p${n}`)
          for (const next of steps) {
            if (next.do === 'join') {
              const instance = instances[next.at] as FakeInstance
              sockets.push({ peer: service.peer(`p${next.peer}`, instance), at: next.at })
            } else if (next.do === 'leave') {
              for (const { peer } of ofPeer(next.peer)) peer.say({ type: 'signal.leave' })
            } else if (next.do === 'drop') for (const { peer } of ofPeer(next.peer)) peer.drop()
            else if (next.do === 'kill') {
              service.hub.kill(names[next.at] as string)
              // The sockets of a dead instance close at the peers; its rooms never hear of it.
              for (const socket of sockets.filter(({ at }) => at === next.at))
                sockets.splice(sockets.indexOf(socket), 1)
              begin(next.at)
            } else if (next.do === 'wait') service.time.advance(next.milliseconds)
            else service.hub.setUp(next.do === 'find')
          }
          service.hub.setUp(true)
          service.time.advance(20_000)
          const open = sockets.filter(({ peer }) => peer.open)
          const ids = new Set(open.map(({ peer }) => peer.id))
          // Every peer is at one socket, knows exactly the others, and can reach each of them.
          expect(open.length).toBe(ids.size)
          for (const { peer } of open) {
            expect(new Set([...peer.view, peer.id])).toEqual(ids)
            for (const { peer: other } of open) {
              if (other === peer) continue
              const before = other.count('signal.offered')
              peer.say({ type: 'signal.offer', to: other.id, payload: new Uint8Array([1]) })
              service.time.advance(100)
              expect(other.count('signal.offered')).toBe(before + 1)
            }
          }
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('run the same from the same seed', () => {
    const run = (): unknown => {
      const service = new FakeService('seed', 7)
      const instances = [service.instance('one'), service.instance('two')]
      const peers = Array.from({ length: 10 }, (_, n) => {
        service.time.advance(3)
        return service.peer(`p${n % 7}`, instances[n % 2] as FakeInstance)
      })
      service.time.advance(1_000)
      return peers.map(({ got }) => got)
    }
    expect(run()).toEqual(run())
  })
})
