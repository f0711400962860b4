import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { packValue } from '../wire/index.js'
import { TaskNetwork } from './testing/task-network.js'

/** Messages that are well-formed, as the codec lets no others through, and make no sense. */
const small = fc.nat({ max: 6 })
const fence = { task: small, attempt: small }
const bytes = fc.constantFrom(
  packValue(1),
  packValue({ a: [] }),
  new Uint8Array(),
  new Uint8Array([0xc1, 0xff]),
)
const credit = fc.constantFrom(0, 1, 2, 65_536)
const name = fc.constantFrom('work', 'other', 'x'.repeat(256))
const took = fc.constantFrom(0, 1, 1e12)
const assignment = {
  ...fence,
  epoch: small,
  id: fc.constantFrom('', 'b.1', 'work#1'),
  name,
  priority: fc.constantFrom('high' as const, 'normal' as const, 'low' as const),
  run: small,
  progress: fc.boolean(),
  input: bytes,
}
const is = <const Type extends string>(type: Type) => fc.constant(type)
const message = fc.oneof(
  fc.record({
    type: is('tasks.offer'),
    revision: small,
    tasks: fc.array(
      fc.record({ name, concurrency: credit, credit, weight: fc.constantFrom(0.001, 1, 1000) }),
      { maxLength: 4 },
    ),
  }),
  fc.record({ type: is('tasks.ask') }),
  fc.record({ type: is('tasks.assign'), ...assignment }),
  fc.record({ type: is('tasks.load'), ...assignment }),
  fc.record({ type: is('tasks.done'), ...fence, credit, took, value: bytes }),
  fc.record({ type: is('tasks.yield'), ...fence, credit, took, value: bytes }),
  fc.record({
    type: is('tasks.failed'),
    ...fence,
    credit,
    took,
    errors: fc.array(fc.record({ name: fc.string(), message: fc.string(), stack: fc.string() }), {
      minLength: 1,
      maxLength: 16,
    }),
  }),
  fc.record({
    type: is('tasks.returned'),
    tasks: fc.array(fc.record({ ...fence, credit }), { maxLength: 4 }),
    reason: fc.constantFrom(
      'unknown',
      'busy',
      'parked',
      'leaving',
      'aborted',
      'stale',
    ) as fc.Arbitrary<'busy'>,
  }),
  fc.record({ type: is('tasks.renew'), held: fc.array(fc.tuple(small, small), { maxLength: 8 }) }),
  fc.record({ type: is('tasks.progress'), ...fence, value: bytes }),
  fc.record({ type: is('tasks.abort'), ...fence }),
  fc.record({ type: is('tasks.noted'), tasks: fc.array(small, { maxLength: 8 }) }),
)

describe('a peer that sends nonsense', () => {
  it('neither breaks the service nor keeps honest work from its end, nor leaves anything behind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 60 }), fc.nat(), async (messages, seed) => {
        const network = new TaskNetwork(['a', 'b', 'liar'], {}, {}, seed)
        const a = network.service('a')
        for (const id of ['a', 'b']) {
          network.service(id).define('work', async (n: number) => {
            await network.sleep(id, 20)
            return n
          })
        }
        await network.time.advanceAsync(10)
        const runs = Array.from({ length: 10 }, (_, n) => a.run('work', n, { retries: 20 }))
        const liar = network.net.cluster('liar')
        for (const message of messages) {
          liar.send('a', message)
          await network.time.advanceAsync(2)
        }
        // Once the liar is gone, all that it held comes back.
        network.net.crash('liar')
        const results = await network.until(Promise.allSettled(runs))
        await network.time.advanceAsync(60_000)
        for (const result of results) {
          // What a peer that defined the task says is its result is believed; an unreadable one is a failure.
          expect(result.status === 'fulfilled' || result.reason instanceof Error).toBe(true)
        }
        expect(a.stats()).toMatchObject({ queued: 0, placed: 0, running: 0, waiting: 0 })
      }),
      { numRuns: 60 },
    )
  })

  it('fails the call whose result it garbles', async () => {
    const network = new TaskNetwork(['a', 'liar'])
    network.service('liar').close()
    const liar = network.net.cluster('liar')
    liar.receive('tasks.assign', ({ task, attempt }, from) =>
      liar.send(from, {
        type: 'tasks.done',
        task,
        attempt,
        credit: 1,
        took: 1,
        value: new Uint8Array([0xc1]),
      }),
    )
    liar.send('a', {
      type: 'tasks.offer',
      revision: 1,
      tasks: [{ name: 'work', concurrency: 1, credit: 1, weight: 1 }],
    })
    await expect(network.until(network.service('a').run('work', 1))).rejects.toMatchObject({
      name: 'BadFrame',
    })
    const results = network.service('a').map('work', [1, 2])
    await expect(network.until(results.next())).rejects.toMatchObject({ name: 'BadFrame' })
  })

  it('cannot make a peer hold more than it granted', async () => {
    const network = new TaskNetwork(['a', 'liar'])
    network.service('a').define('work', () => network.sleep('a', 10_000), { concurrency: 2 })
    const liar = network.net.cluster('liar')
    for (let task = 0; task < 5_000; task++) {
      liar.send('a', {
        type: 'tasks.assign',
        task,
        attempt: 1,
        epoch: 0,
        id: '',
        name: 'work',
        priority: 'normal',
        run: 1,
        progress: false,
        input: packValue(task),
      })
    }
    await network.time.advanceAsync(100)
    expect(network.service('a').stats()).toMatchObject({ running: 2, waiting: 2 })
  })
})
