import { expect, test } from 'vitest'
import { VirtualTime } from '../runtime/index.js'
import {
  plainError,
  serve,
  Thread,
  type ThreadEvents,
  type ThreadPortEvents,
  type ThreadService,
  transfer,
} from './index.js'
import type { ThreadExit, ThreadExitKind } from './port.js'
import type { ThreadOptions } from './thread.js'

/** A thread in memory: messages are cloned, take no time, and its event loop can be stopped. */
class FakeThread {
  readonly time = new VirtualTime('thread')
  readonly seen: unknown[][] = []
  readonly posted: { message: unknown; transfer: readonly unknown[] }[] = []
  terminated = 0
  /** The event loop of the thread stands still: messages wait. */
  stopped = false
  #toPage: ThreadPortEvents | undefined
  #toThread: ((data: unknown) => void) | undefined
  #fault: ((kind: ThreadExitKind, error: unknown) => void) | undefined
  #waiting: unknown[] = []

  /** Starts the page's side. */
  thread(options: Partial<ThreadOptions> = {}, events: Partial<ThreadEvents> = {}): Thread {
    return new Thread({
      runtime: this.time.runtime(),
      start: 'begin',
      open: (toPage) => {
        this.#toPage = toPage
        return {
          post: (message, transferred) => {
            const data = structuredClone(message)
            this.posted.push({ message: data, transfer: transferred })
            if (this.stopped) this.#waiting.push(data)
            else void Promise.resolve().then(() => this.#toThread?.(data))
          },
          terminate: () => this.terminated++,
        }
      },
      events: {
        started: (value) => this.seen.push(['started', value]),
        refused: (error) => this.seen.push(['refused', error.message]),
        event: (value) => this.seen.push(['event', value]),
        exit: ({ kind, message }: ThreadExit) => this.seen.push(['exit', kind, message]),
        ...events,
      },
      ...options,
    })
  }

  /** Starts the side in the thread. */
  serve(service: Partial<ThreadService> = {}) {
    return serve(
      {
        post: (message) => {
          const data = structuredClone(message)
          void Promise.resolve().then(() => this.#toPage?.message(data))
        },
        listen: ({ message, fault }) => {
          this.#toThread = message
          this.#fault = fault
        },
      },
      {
        start: (value, done) => done(value),
        call: (request, _id, resolve) => resolve(request),
        cast: (message) => this.seen.push(['cast', message]),
        ...service,
      },
    )
  }

  resume(): void {
    this.stopped = false
    for (const data of this.#waiting.splice(0)) this.#toThread?.(data)
  }

  fault(kind: ThreadExitKind, error: unknown): void {
    this.#fault?.(kind, error)
  }

  get page(): ThreadPortEvents {
    if (this.#toPage === undefined) throw new Error('no thread was opened')
    return this.#toPage
  }

  pass(milliseconds = 0): Promise<void> {
    return this.time.advanceAsync(milliseconds)
  }
}

function outcomeOf(thread: Thread, request: unknown): { outcome: unknown } {
  const seen: { outcome: unknown } = { outcome: undefined }
  thread.call(request, (outcome) => {
    seen.outcome = outcome
  })
  return seen
}

test('it starts when the thread serves, and what was sent before waits', async () => {
  const fake = new FakeThread()
  const thread = fake.thread()
  thread.cast('early')
  const call = outcomeOf(thread, 'early call')
  await fake.pass(100)
  expect(fake.posted).toEqual([])
  fake.serve()
  await fake.pass()
  expect(fake.seen).toEqual([
    ['cast', 'early'],
    ['started', 'begin'],
  ])
  expect(call.outcome).toEqual({ kind: 'result', value: 'early call' })
  expect(fake.posted).toHaveLength(1)
})

test('all that is sent in one turn is posted as one message', async () => {
  const fake = new FakeThread()
  const thread = fake.thread()
  fake.serve()
  await fake.pass()
  const before = fake.posted.length
  for (let number = 0; number < 100; number++) thread.cast(number)
  await fake.pass()
  expect(fake.posted.length - before).toBe(1)
  expect(fake.seen.filter(([kind]) => kind === 'cast')).toHaveLength(100)
})

test('a service that refuses to start ends the thread, and that is no exit', async () => {
  const fake = new FakeThread()
  fake.thread()
  fake.serve({ start: (_, __, failed) => failed(new TypeError('no')) })
  await fake.pass()
  expect(fake.seen).toEqual([['refused', 'no']])
  expect(fake.terminated).toBe(1)
})

test('errors of the service come back with name, message and stack', async () => {
  const fake = new FakeThread()
  const thread = fake.thread()
  fake.serve({ call: (_, __, ___, reject) => reject(new RangeError('too far')) })
  const call = outcomeOf(thread, 1)
  await fake.pass()
  expect(call.outcome).toMatchObject({ kind: 'failure', error: { name: 'RangeError', message: 'too far' } })
  expect((call.outcome as { error: { stack: string } }).error.stack).toContain('RangeError')
})

test('a call that is given up is not settled, and the service is told', async () => {
  const fake = new FakeThread()
  const thread = fake.thread()
  const cancelled: number[] = []
  fake.serve({ call: () => {}, cancel: (id) => cancelled.push(id) })
  const giveUp = thread.call(1, () => expect.unreachable())
  await fake.pass()
  giveUp()
  giveUp()
  await fake.pass()
  expect(cancelled).toHaveLength(1)
  expect(thread.inFlight).toBe(0)
})

test('a thread that does not serve in time is an exit named load', async () => {
  const fake = new FakeThread()
  fake.thread({ startTimeout: 500 })
  await fake.pass(499)
  expect(fake.seen).toEqual([])
  await fake.pass(1)
  expect(fake.seen).toEqual([['exit', 'load', 'the thread did not load and call expose in 500 ms']])
  expect(fake.terminated).toBe(1)
})

test('a start that takes too long is an exit too', async () => {
  const fake = new FakeThread()
  fake.thread({ startTimeout: 500 })
  fake.serve({ start: () => {} })
  await fake.pass(500)
  expect(fake.seen).toEqual([['exit', 'load', 'the thread did not start its service in 500 ms']])
})

test('an error before it serves is a failed load, after that an uncaught throw', async () => {
  const before = new FakeThread()
  before.thread()
  before.page.error({ name: 'Error', message: 'x' })
  expect(before.seen).toEqual([['exit', 'load', 'x']])
  const after = new FakeThread()
  after.thread()
  after.serve()
  await after.pass()
  after.page.error({ name: 'Error', message: 'x' })
  expect(after.seen.at(-1)).toEqual(['exit', 'uncaught', 'x'])
})

test.each(['uncaught', 'rejection', 'closed', 'unclonable'] as const)(
  'a fault inside, %s, is an exit of that name',
  async (kind) => {
    const fake = new FakeThread()
    const thread = fake.thread()
    fake.serve({ call: () => {} })
    await fake.pass()
    const call = outcomeOf(thread, 1)
    await fake.pass()
    fake.fault(kind, new Error('inside'))
    await fake.pass()
    expect(fake.seen.at(-1)).toEqual(['exit', kind, 'inside'])
    expect(call.outcome).toMatchObject({ kind: 'exit', exit: { kind, message: 'inside' } })
    expect(thread.alive).toBe(false)
  },
)

test('calls in flight are settled before the exit is told, and nothing is settled twice', async () => {
  const fake = new FakeThread()
  const order: string[] = []
  const thread = fake.thread({}, { exit: () => order.push('exit') })
  fake.serve({ call: () => {} })
  await fake.pass()
  for (const name of ['a', 'b']) thread.call(name, () => order.push(name))
  thread.terminate()
  thread.terminate()
  fake.page.gone()
  await fake.pass(60_000)
  expect(order).toEqual(['a', 'b', 'exit'])
})

test('an event loop that stands still is a hang, and one that turns is not', async () => {
  const fake = new FakeThread()
  fake.thread({ heartbeat: { every: 100, patience: 300 } })
  fake.serve()
  await fake.pass(60_000)
  expect(fake.seen).toEqual([['started', 'begin']])
  fake.stopped = true
  await fake.pass(500)
  expect(fake.seen.at(-1)?.slice(0, 2)).toEqual(['exit', 'hang'])
})

test('an event loop that stands still for less than the patience is forgiven', async () => {
  const fake = new FakeThread()
  fake.thread({ heartbeat: { every: 100, patience: 300 } })
  fake.serve()
  await fake.pass(50)
  for (let round = 0; round < 20; round++) {
    fake.stopped = true
    await fake.pass(250)
    fake.resume()
    await fake.pass(100)
  }
  expect(fake.seen).toEqual([['started', 'begin']])
})

test('a timer that fires late proves nothing: the page slept, not the thread', async () => {
  const fake = new FakeThread()
  const runtime = fake.time.runtime()
  let slept = 0
  // The page sleeps: its timers are late, and its clock shows it.
  fake.thread({
    runtime: { ...runtime, now: () => runtime.now() + slept },
    heartbeat: { every: 100, patience: 100 },
  })
  fake.serve()
  await fake.pass(150)
  fake.stopped = true
  for (let nap = 0; nap < 5; nap++) {
    slept += 5_000
    await fake.pass(100)
  }
  expect(fake.seen).toEqual([['started', 'begin']])
  await fake.pass(500)
  expect(fake.seen.at(-1)?.slice(0, 2)).toEqual(['exit', 'hang'])
})

test('no heartbeat where none is wanted', async () => {
  const fake = new FakeThread()
  fake.thread({ heartbeat: false })
  fake.serve()
  await fake.pass()
  fake.stopped = true
  await fake.pass(1e6)
  expect(fake.seen).toEqual([['started', 'begin']])
})

test('of a batch, only what cannot be cloned fails', async () => {
  const fake = new FakeThread()
  const thread = fake.thread()
  fake.serve()
  await fake.pass()
  const [good, bad, last] = [outcomeOf(thread, 1), outcomeOf(thread, () => 1), outcomeOf(thread, 3)]
  thread.cast(() => 1)
  await fake.pass()
  expect([good.outcome, last.outcome]).toEqual([
    { kind: 'result', value: 1 },
    { kind: 'result', value: 3 },
  ])
  expect(bad.outcome).toMatchObject({ kind: 'unclonable', error: { name: 'DataCloneError' } })
  expect(thread.alive).toBe(true)
})

test('an answer that cannot be cloned is the thread’s exit', async () => {
  const fake = new FakeThread()
  const thread = fake.thread()
  fake.serve({ call: (_, __, resolve) => resolve(() => 1) })
  const call = outcomeOf(thread, 1)
  await fake.pass()
  expect(call.outcome).toMatchObject({ kind: 'exit', exit: { kind: 'unclonable' } })
})

test('what is marked is handed to the platform for transfer', async () => {
  const fake = new FakeThread()
  const thread = fake.thread()
  fake.serve()
  await fake.pass()
  const bytes = new Uint8Array(8)
  thread.cast(transfer(bytes, [bytes.buffer]))
  await fake.pass()
  expect(fake.posted.at(-1)?.transfer).toEqual([bytes.buffer])
})

test('messages of a script of its own are not ours, and are dropped', async () => {
  const fake = new FakeThread()
  const thread = fake.thread()
  fake.serve()
  await fake.pass()
  for (const odd of [undefined, 'text', { any: 1 }, [1], [99, 1, 1]]) fake.page.message(odd)
  expect(thread.alive).toBe(true)
})

test('plain errors are made of anything', () => {
  const odd = {
    get message() {
      throw new Error('no')
    },
  }
  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  for (const thrown of [
    undefined,
    null,
    1,
    'text',
    Symbol('s'),
    1n,
    () => 1,
    odd,
    cycle,
    Object.freeze({ message: 'm' }),
  ]) {
    const { name, message } = plainError(thrown)
    expect([typeof name, typeof message]).toEqual(['string', 'string'])
  }
  expect(plainError('text')).toEqual({ name: 'Thrown', message: 'text' })
  expect(plainError({ message: 'x'.repeat(1e6) }).message).toHaveLength(16 * 1024)
})
