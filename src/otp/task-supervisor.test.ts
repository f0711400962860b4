import { expect, test } from 'vitest'
import { RingmeshError } from '../errors/index.js'
import { ExitError, type ProcessRef, type StreamResult, type Task, TaskSupervisor } from './index.js'
import { Probe, World } from './testing/world.js'

function tasks(options: ConstructorParameters<typeof TaskSupervisor>[1] = {}) {
  const world = new World()
  const supervisor = new TaskSupervisor(world.system, options)
  const sleep = <T>(milliseconds: number, value: T) =>
    new Promise<T>((resolve) => void world.time.timer(milliseconds, () => resolve(value)))
  return { world, supervisor, sleep }
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const results: T[] = []
  for await (const result of stream) results.push(result)
  return results
}

const values = (results: StreamResult<unknown, unknown>[]) =>
  results.map((result) => (result.ok ? result.value : result.reason.type))

test('async runs a function as a supervised process and awaits its result', async () => {
  const { world, supervisor, sleep } = tasks()
  const task = supervisor.async(() => sleep(10, 'done'))
  await world.pass()
  expect(supervisor.children()).toEqual([task.ref])
  expect(await world.until(task.await(), 10)).toBe('done')
  await world.pass()
  expect(supervisor.children()).toEqual([])
})

test('await rejects with what the task threw', async () => {
  const { world, supervisor } = tasks()
  const task = supervisor.async(() => {
    throw new RangeError('oops')
  })
  expect(await world.reasonOf(task.await())).toMatchObject({
    type: 'error',
    name: 'RangeError',
    message: 'oops',
  })
})

test('await times out after 5,000 ms and the task runs on', async () => {
  const { world, supervisor } = tasks()
  const task = supervisor.async(() => new Promise(() => {}))
  expect(await world.reasonOf(task.await(), 5_000)).toEqual({ type: 'timeout', after: 5_000 })
  expect(supervisor.children()).toHaveLength(1)
  void task.shutdown('brutal_kill')
  await world.pass()
  expect(supervisor.children()).toHaveLength(0)
})

test('async links the task to the process that calls, asyncNolink does not', async () => {
  const { world, supervisor } = tasks()
  const crash = () => Promise.reject(new Error('crash'))
  const linked = await world.start(Probe)
  const seen = world.ended(linked)
  await world.call(linked, () => void supervisor.async(crash))
  await world.pass()
  expect(seen.reason).toMatchObject({ type: 'error', message: 'crash' })
  const free = await world.start(Probe)
  await world.call(free, () => void supervisor.asyncNolink(crash))
  await world.pass()
  expect(world.system.alive(free)).toBe(true)
})

test('an async task ends with the process that started it', async () => {
  const { world, supervisor } = tasks()
  const owner = await world.start(Probe)
  await world.call(owner, () => void supervisor.async(() => new Promise(() => {})))
  await world.pass()
  expect(supervisor.children()).toHaveLength(1)
  world.system.exit(owner, 'shutdown')
  await world.pass()
  expect(supervisor.children()).toHaveLength(0)
})

test('Busy when maxChildren is reached', async () => {
  const { world, supervisor } = tasks({ maxChildren: 1 })
  supervisor.async(() => new Promise(() => {}))
  const second = supervisor.asyncNolink(() => 1)
  await expect(world.until(second.await())).rejects.toMatchObject({ name: 'Busy' })
})

test('startChild restarts by its restart type', async () => {
  const { world, supervisor } = tasks()
  let runs = 0
  const ref = await world.until(
    supervisor.startChild(
      () => {
        runs++
        return new Promise(() => {})
      },
      { restart: 'permanent' },
    ),
  )
  world.system.exit(ref, 'shutdown')
  await world.pass()
  expect(runs).toBe(2)
})

test('terminateChild ends a task', async () => {
  const { world, supervisor } = tasks()
  const ref = (await world.until(supervisor.startChild(() => new Promise(() => {})))) as ProcessRef
  expect(await world.until(supervisor.terminateChild(ref))).toEqual({ ref: undefined })
  expect(await world.until(supervisor.terminateChild(ref))).toEqual({ error: 'not_found' })
})

test('stream: in order, at most maxConcurrency at once, and lazily fed', async () => {
  const { world, supervisor, sleep } = tasks()
  let taken = 0
  function* inputs() {
    for (const input of [40, 30, 20, 10]) {
      taken++
      yield input
    }
  }
  let most = 0
  const stream = supervisor.stream(
    inputs(),
    (input) => {
      most = Math.max(most, supervisor.children().length)
      return sleep(input, input)
    },
    { maxConcurrency: 2 },
  )
  const results = all(stream)
  await world.pass()
  expect(taken).toBe(2)
  expect(values(await world.until(results, 100))).toEqual([40, 30, 20, 10])
  expect(most).toBe(2)
})

test('stream: unordered gives them as they finish', async () => {
  const { world, supervisor, sleep } = tasks()
  const results = all(supervisor.stream([40, 30, 20, 10], (input) => sleep(input, input), { ordered: false }))
  await world.pass()
  expect(values(await world.until(results, 100))).toEqual([10, 20, 30, 40])
})

test('stream: a task that fails is a result, and the others go on', async () => {
  const { world, supervisor } = tasks()
  const stream = supervisor.stream([1, 2, 3], (input) =>
    input === 2 ? Promise.reject(new Error('two')) : input,
  )
  expect(values(await world.until(all(stream)))).toEqual([1, 'error', 3])
})

test('stream: a time-out ends the stream, or with kill is one result', async () => {
  const { world, supervisor, sleep } = tasks()
  const work = (input: number) => sleep(input, input)
  const exits = all(supervisor.stream([1, 1_000], work, { timeout: 50 }))
  expect(await world.reasonOf(exits, 100)).toEqual({ type: 'timeout', after: 50 })
  const kills = all(supervisor.stream([1, 1_000, 2], work, { timeout: 50, onTimeout: 'kill' }))
  expect(values(await world.until(kills, 200))).toEqual([1, 'timeout', 2])
  expect(supervisor.children()).toEqual([])
})

test('stream: leaving it ends what still runs', async () => {
  const { world, supervisor, sleep } = tasks()
  const first = (async () => {
    for await (const result of supervisor.stream([1, 1e6, 1e6], (input) => sleep(input, input), {
      timeout: 2e6,
    })) {
      return result
    }
  })()
  expect(await world.until(first, 10)).toMatchObject({ ok: true, value: 1 })
  await world.pass()
  expect(supervisor.children()).toEqual([])
})

test('stream: no room is an error of the stream', async () => {
  const { world, supervisor } = tasks({ maxChildren: 1 })
  const stream = supervisor.stream([1, 2, 3], () => new Promise(() => {}), {
    maxConcurrency: 2,
    ordered: false,
  })
  await expect(world.until(all(stream))).rejects.toMatchObject({ name: 'Busy' })
  await world.pass()
  expect(supervisor.children()).toEqual([])
})

test('stream: a slow head holds up no other task, only its result', async () => {
  const { world, supervisor, sleep } = tasks()
  const stream = supervisor.stream([100, 10, 10, 10, 10, 10], (input) => sleep(input, input), {
    maxConcurrency: 2,
  })
  const began = world.time.now
  expect(values(await world.until(all(stream), 101))).toEqual([100, 10, 10, 10, 10, 10])
  expect(world.time.now - began).toBeLessThanOrEqual(101)
})

test('stream: an input that is late holds up no result', async () => {
  const { world, supervisor, sleep } = tasks()
  async function* inputs() {
    yield 1
    await sleep(1_000, undefined)
    yield 2
  }
  const stream = supervisor.stream(inputs(), (input) => input)
  expect(await world.until(stream.next(), 10)).toMatchObject({ value: { value: 1 } })
  expect(values(await world.until(all(stream), 1_000))).toEqual([2])
})

test('stream: an input that never comes holds up nobody who leaves, and one that comes late starts no task', async () => {
  const { world, supervisor, sleep } = tasks()
  let runs = 0
  async function* inputs() {
    yield 1
    yield await sleep(1_000, 2)
  }
  const work = (input: number) => {
    runs++
    return input
  }
  const left = (async () => {
    for await (const result of supervisor.stream(inputs(), work)) return result
    return undefined
  })()
  expect(await world.until(left, 10)).toMatchObject({ value: 1 })
  const late = all(supervisor.stream(inputs(), () => new Promise(() => {}), { timeout: 50 }))
  expect(await world.reasonOf(late, 60)).toEqual({ type: 'timeout', after: 50 })
  await world.pass(1_000)
  expect(runs).toBe(1)
  expect(supervisor.children()).toEqual([])
})

test('stream: no input, infinite input, an input that throws', async () => {
  const { world, supervisor } = tasks()
  expect(await world.until(all(supervisor.stream([], () => 1)))).toEqual([])
  function* forever() {
    for (let n = 0; ; n++) yield n
  }
  const first = (async () => {
    const found: unknown[] = []
    for await (const result of supervisor.stream(forever(), (n) => n)) {
      found.push(result.ok && result.value)
      if (found.length === 20) return found
    }
    return found
  })()
  for (let turn = 0; turn < 50; turn++) await world.pass()
  expect(await world.until(first)).toEqual(Array.from({ length: 20 }, (_, n) => n))
  function* broken() {
    yield 1
    throw new RangeError('no more')
  }
  await expect(world.until(all(supervisor.stream(broken(), (n) => n)))).rejects.toThrow('no more')
  await world.pass()
  expect(supervisor.children()).toEqual([])
})

test('stream: its tasks end with the process that called', async () => {
  const { world, supervisor } = tasks()
  const owner = await world.start(Probe)
  await world.call(owner, () => {
    void all(supervisor.stream([1, 2], () => new Promise(() => {}))).catch(() => {})
  })
  await world.pass()
  expect(supervisor.children()).toHaveLength(2)
  world.system.exit(owner, 'killed')
  await world.pass()
  expect(supervisor.children()).toEqual([])
})

test('stream: a task that rejects with Busy of its own is one result', async () => {
  const { world, supervisor } = tasks()
  const busy = () => Promise.reject(new RingmeshError('Busy', 'of its own'))
  expect(values(await world.until(all(supervisor.stream([1], busy))))).toEqual(['error'])
})

test('bad stream options are refused by their path', () => {
  const { supervisor } = tasks()
  const make = (options: object) => () => supervisor.stream([1], () => 1, options)
  expect(make({ maxConcurrency: 0 })).toThrow('stream.maxConcurrency')
  expect(make({ maxConcurrency: 1.5 })).toThrow('stream.maxConcurrency')
  expect(make({ timeout: Number.NaN })).toThrow('stream.timeout')
  expect(make({ onTimeout: 'ignore' })).toThrow('stream.onTimeout')
  expect(make({ order: true })).toThrow('stream.order')
})

test('yield: the outcome in time, undefined otherwise, and the task can be waited for again', async () => {
  const { world, supervisor, sleep } = tasks()
  const task = supervisor.async(() => sleep(100, 'done'))
  expect(await world.until(task.yield({ timeout: 50 }), 50)).toBeUndefined()
  expect(await world.until(task.yield({ timeout: 50 }), 50)).toEqual({ ok: true, value: 'done' })
  expect(await world.until(task.await())).toBe('done')
  const failing = supervisor.asyncNolink(() => Promise.reject(new Error('oops')))
  expect(await world.until(failing.yield())).toMatchObject({ ok: false, reason: { message: 'oops' } })
})

test('shutdown: of one that runs undefined, of one that has ended its outcome', async () => {
  const { world, supervisor, sleep } = tasks()
  const running = supervisor.async(() => new Promise(() => {}))
  await world.pass()
  expect(await world.until(running.shutdown())).toBeUndefined()
  expect(supervisor.children()).toEqual([])
  const done = supervisor.async(() => sleep(1, 'done'))
  await world.pass(1)
  expect(await world.until(done.shutdown())).toEqual({ ok: true, value: 'done' })
  const failed = supervisor.async(() => Promise.reject(new Error('oops')))
  await world.pass()
  expect(await world.until(failed.shutdown())).toMatchObject({ ok: false, reason: { message: 'oops' } })
  const early = supervisor.async(() => new Promise(() => {}))
  expect(await world.until(early.shutdown('brutal_kill'))).toBeUndefined()
})

test('shutdown: an end by another’s signal is an outcome, unless it is the same one', async () => {
  const { world, supervisor } = tasks()
  const endless = async () => {
    const task = supervisor.asyncNolink(() => new Promise(() => {}))
    await world.pass()
    return task
  }
  const killed = await endless()
  world.system.exit(killed.ref as ProcessRef, 'killed')
  expect(await world.until(killed.shutdown())).toEqual({ ok: false, reason: { type: 'killed' } })
  const asked = await endless()
  world.system.exit(asked.ref as ProcessRef, 'shutdown')
  await world.pass()
  expect(await world.until(asked.shutdown())).toBeUndefined()
  expect(await world.until(asked.shutdown('brutal_kill'))).toEqual({
    ok: false,
    reason: { type: 'shutdown' },
  })
  const why = supervisor.asyncNolink(() => {
    throw new ExitError({ type: 'shutdown', detail: 'why' })
  })
  await world.pass()
  expect(await world.until(why.shutdown())).toMatchObject({ ok: false, reason: { detail: 'why' } })
})

test('shutdown takes the link back first: its owner lives on', async () => {
  const { world, supervisor } = tasks()
  const owner = await world.start(Probe)
  let task: Task<unknown> | undefined
  await world.call(owner, () => {
    task = supervisor.async(() => new Promise(() => {}))
  })
  await world.pass()
  await world.until((task as Task<unknown>).shutdown('brutal_kill'))
  await world.pass()
  expect(world.system.alive(owner)).toBe(true)
})

test('async after an await is linked to the owner that it is given', async () => {
  const { world, supervisor } = tasks()
  const owner = await world.start(Probe)
  const seen = world.ended(owner)
  world.system.cast(owner, async (probe: Probe) => {
    await Promise.resolve()
    supervisor.async(() => Promise.reject(new Error('crash')), { owner: probe.self })
  })
  await world.pass()
  expect(seen.reason).toMatchObject({ message: 'crash' })
})

test('await that times out in a linked process ends both, as in Elixir', async () => {
  const { world, supervisor } = tasks()
  const owner = await world.start(Probe)
  const seen = world.ended(owner)
  world.system.cast(owner, () => supervisor.async(() => new Promise(() => {})).await({ timeout: 100 }))
  await world.pass(100)
  expect(seen.reason).toEqual({ type: 'timeout', after: 100 })
  expect(supervisor.children()).toEqual([])
})

test('a task that traps nothing ends with its supervisor', async () => {
  const { world, supervisor } = tasks()
  const task = supervisor.asyncNolink(() => new Promise(() => {}))
  await world.pass()
  await world.until(supervisor.stop())
  expect(await world.reasonOf(task.await())).toEqual({ type: 'shutdown' })
  const refused = supervisor.asyncNolink(() => 1)
  expect(await world.reasonOf(refused.await())).toEqual({ type: 'noproc' })
})
