import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ProcessRef, sameProcess } from './index.js'
import { Actor } from './testing/actor.js'
import { MeshWorld } from './testing/mesh-world.js'

const peers = ['a', 'b', 'c'] as const
/** Two processes on each peer. */
const count = 6

type Operation =
  | {
      readonly op: 'link' | 'unlink' | 'monitor' | 'kill' | 'stop' | 'trap'
      readonly by: number
      readonly to: number
    }
  | { readonly op: 'mute' | 'cut'; readonly peer: string }
  | { readonly op: 'heal' }

const process = fc.nat({ max: count - 1 })
const peer = fc.constantFrom(...peers)
const step = fc.record({
  operation: fc.oneof<fc.Arbitrary<Operation>[]>(
    // By the one with the smaller number: a link that both ends make and take back at once may hold at one end.
    fc
      .record({
        op: fc.constantFrom('link', 'link', 'unlink', 'monitor', 'monitor', 'kill', 'stop', 'trap'),
        by: process,
        to: process,
      })
      .map(({ op, by, to }) => ({ op, by: Math.min(by, to), to: Math.max(by, to) })),
    fc.record({ op: fc.constantFrom('mute', 'cut'), peer }),
    fc.record({ op: fc.constant('heal') }),
  ),
  /** Shorter and longer than a message takes, and longer than it takes to hold a peer for dead. */
  wait: fc.constantFrom(0, 1, 3, 6, 12, 7_000),
})

/** RINGMESH_SIGNAL_RUNS=1000 tries so many others. */
const many = globalThis.process.env.RINGMESH_SIGNAL_RUNS
const runs = many === undefined ? { numRuns: 60, seed: 1 } : { numRuns: Number(many) }

test('whatever is cut meanwhile, links hold at both ends or none, and every end that is monitored is told once', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const world = new MeshWorld(peers, { losesForgotten: true })
      const systemOf = (index: number) => world.at(peers[index % peers.length] as string)
      const actors: { actor?: Actor }[] = Array.from({ length: count }, () => ({}))
      const starting = actors.map((args, index) => systemOf(index).start(Actor, { args }))
      const refs = await world.until(Promise.all(starting))
      const monitors: { by: number; to: number; id: number }[] = []

      for (const { operation, wait } of steps) {
        if (operation.op === 'heal') world.network.heal()
        else if ('peer' in operation) {
          if (operation.op === 'mute') world.network.mute([operation.peer])
          else world.network.partition([[operation.peer]])
        } else {
          const { op, by, to } = operation
          const other = refs[to] as ProcessRef
          systemOf(by).cast(refs[by] as ProcessRef, (actor: Actor) => {
            if (op === 'link' || op === 'unlink') actor[op](other)
            else if (op === 'monitor') monitors.push({ by, to, id: actor.monitor(other) })
            else if (op === 'kill') systemOf(by).exit(other, 'kill')
            else if (op === 'stop') actor.stop('shutdown')
            else actor.trapExit = !actor.trapExit
          })
        }
        await world.pass(wait)
      }
      world.network.heal()
      await world.pass(20_000)

      const processOf = (index: number) => systemOf(index).localProcess(refs[index] as ProcessRef)
      const linksOf = (index: number) =>
        processOf(index)?.linked.map((ref) => refs.findIndex((each) => sameProcess(each, ref))) ?? []
      for (let index = 0; index < count; index++)
        for (const other of linksOf(index)) expect(linksOf(other), `${other} to ${index}`).toContain(index)
      for (const { by, to, id } of monitors) {
        if (processOf(by) === undefined || processOf(to) !== undefined) continue
        const told = actors[by]?.actor?.told.filter((each) => each.type === 'down' && each.monitor === id)
        expect(told).toHaveLength(1)
      }
    }),
    runs,
  )
})
