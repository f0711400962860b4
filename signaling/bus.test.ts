import { type AddressInfo, connect, createServer } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemRuntime } from '../src/runtime/index.js'
import { RedisBus } from './node/redis-bus.js'
import { packPresence } from './node/redis-records.js'
import { type Bus, MemoryHub, type Presence } from './rooms/index.js'
import { RedisServer } from './testing/redis-server.js'

/** What a contract test needs of an implementation. */
interface Harness {
  bus(instance: string): Bus
  /** Loses the bus and all that it kept, or finds it again. */
  lose(): Promise<void>
  find(): Promise<void>
  /** Ends an instance without a word. */
  kill(bus: Bus): void
  stop(): Promise<void>
}

/** An instance that writes down what its bus tells. */
class Listener {
  readonly heard: unknown[][] = []
  readonly bus: Bus

  constructor(bus: Bus) {
    this.bus = bus
    const note =
      (name: string) =>
      (...details: unknown[]): void => {
        this.heard.push([name, ...details])
      }
    bus.start({
      snapshot: note('snapshot'),
      entered: note('entered'),
      left: note('left'),
      frame: note('frame'),
      instanceDown: note('instanceDown'),
      up: note('up'),
      down: note('down'),
    })
  }

  /** Waits for an event, takes it and answers what came with it. */
  async next(name: string): Promise<unknown[]> {
    await expect.poll(() => this.heard.some(([event]) => event === name), { interval: 5 }).toBe(true)
    const index = this.heard.findIndex(([event]) => event === name)
    return (this.heard.splice(index, 1)[0] as unknown[]).slice(1)
  }

  presence(id: string, session = 1): Presence {
    return { id, session, instance: this.bus.instance, info: new Uint8Array([1, 2, 3]) }
  }

  async open(room: string): Promise<readonly Presence[]> {
    this.bus.open(room)
    return (await this.next('snapshot'))[1] as Presence[]
  }
}

const plain = (presence: unknown): unknown => {
  const { info, ...rest } = presence as Presence
  return { ...rest, info: [...info] }
}

async function memoryHarness(): Promise<Harness> {
  const hub = new MemoryHub(systemRuntime())
  return {
    bus: (instance) => hub.bus(instance),
    lose: async () => hub.setUp(false),
    find: async () => hub.setUp(true),
    kill: (bus) => hub.kill(bus.instance),
    stop: async () => {},
  }
}

async function redisHarness(): Promise<Harness> {
  const redis = await RedisServer.start()
  const runtime = systemRuntime({ log: () => {} })
  let fresh = 0
  const stopped = new Set<Bus>()
  return {
    bus: (instance) => new RedisBus(runtime, `${instance}-${++fresh}`, { url: redis.url }),
    lose: () => redis.kill(),
    find: () => redis.restart(),
    kill: (bus) => {
      stopped.add(bus)
      bus.stop(() => {})
    },
    stop: () => redis.stop(),
  }
}

describe.each([
  ['in this process', memoryHarness],
  ['over Redis', redisHarness],
])('a bus %s', (_name, start) => {
  let harness: Harness
  const listeners: Listener[] = []

  beforeAll(async () => {
    harness = await start()
  })
  afterAll(() => harness.stop())
  afterEach(async () => {
    await Promise.all(listeners.splice(0).map(({ bus }) => new Promise<void>((resolve) => bus.stop(resolve))))
  })

  async function join(instance: string): Promise<Listener> {
    const listener = new Listener(harness.bus(instance))
    listeners.push(listener)
    await listener.next('up')
    return listener
  }

  it('tells all instances of a room, in one order, also the one that said it', async () => {
    const [one, two] = [await join('one'), await join('two')]
    expect(await one.open('r1')).toEqual([])
    expect(await two.open('r1')).toEqual([])
    one.bus.announce('r1', one.presence('a'))
    const expected = ['r1', { id: 'a', session: 1, instance: one.bus.instance, info: [1, 2, 3] }]
    for (const listener of [one, two]) {
      const [room, presence] = await listener.next('entered')
      expect([room, plain(presence)]).toEqual(expected)
    }
    one.bus.withdraw('r1', one.presence('a'), true)
    expect(await one.next('left')).toEqual(['r1', 'a', one.bus.instance, 1, true])
    expect(await two.next('left')).toEqual(['r1', 'a', one.bus.instance, 1, true])
  })

  it('keeps who is there for those who open the room later, and no longer', async () => {
    const [one, two] = [await join('one'), await join('two')]
    await one.open('r2')
    one.bus.announce('r2', one.presence('stays'))
    one.bus.announce('r2', one.presence('goes'))
    one.bus.withdraw('r2', one.presence('goes'), false)
    await one.next('left')
    expect((await two.open('r2')).map(plain)).toEqual([plain(one.presence('stays'))])
  })

  it('does not let an old socket take a newer presence back', async () => {
    const [one, two] = [await join('one'), await join('two')]
    await one.open('r3')
    await two.open('r3')
    one.bus.announce('r3', one.presence('a', 1))
    await two.next('entered')
    two.bus.announce('r3', two.presence('a', 1))
    await one.next('entered')
    await one.next('entered')
    one.bus.withdraw('r3', one.presence('a', 1), false)
    one.bus.announce('r3', one.presence('marker'))
    await one.next('entered')
    expect(one.heard.filter(([event]) => event === 'left')).toEqual([])
    const third = await join('third')
    expect((await third.open('r3')).map(({ instance, id }) => [id, instance]).sort()).toEqual([
      ['a', two.bus.instance],
      ['marker', one.bus.instance],
    ])
  })

  it('carries frames to the instance they are for, in order and byte for byte', async () => {
    const [one, two] = [await join('one'), await join('two')]
    const frame = Uint8Array.from({ length: 66_000 }, (_, index) => index & 255)
    one.bus.send(two.bus.instance, 'r4', 'b', frame)
    one.bus.send(two.bus.instance, 'r4', 'b', new Uint8Array([9]))
    const [room, to, first] = await two.next('frame')
    expect([room, to]).toEqual(['r4', 'b'])
    expect(Buffer.compare(first as Uint8Array, frame)).toBe(0)
    expect([...((await two.next('frame'))[2] as Uint8Array)]).toEqual([9])
    expect(one.heard).toEqual([])
  })

  it('says nothing of rooms that are not open, or not any more', async () => {
    const [one, two] = [await join('one'), await join('two')]
    await one.open('r5')
    await two.open('r5')
    two.bus.close('r5')
    one.bus.announce('r5', one.presence('a'))
    one.bus.announce('r6', one.presence('b'))
    await one.next('entered')
    // A frame afterwards shows that everything before it has come.
    one.bus.send(two.bus.instance, 'r5', 'x', new Uint8Array())
    await two.next('frame')
    expect(two.heard).toEqual([])
    one.bus.withdraw('r6', one.presence('b'), false)
  })

  it('remembers for a time', async () => {
    const [one, two] = [await join('one'), await join('two')]
    const asked = (key: string) => new Promise((resolve) => two.bus.remembered(key, resolve))
    expect(await asked('ticket')).toBe(false)
    one.bus.remember('ticket', 3_000)
    // Two connections to one Redis: what is asked over the one may overtake what was said over the other.
    await expect.poll(() => asked('ticket')).toBe(true)
    await expect.poll(() => asked('ticket')).toBe(false)
  })

  it('notices that an instance is dead', async () => {
    const [one, two] = [await join('one'), await join('two')]
    await one.open('r7')
    await two.open('r7')
    two.bus.announce('r7', two.presence('a'))
    await one.next('entered')
    harness.kill(two.bus)
    expect(await one.next('instanceDown')).toEqual([two.bus.instance])
    const third = await join('third')
    expect(await third.open('r7')).toEqual([])
  })

  it('says when it is lost and when it is back, empty, and works as before', async () => {
    const [one, two] = [await join('one'), await join('two')]
    await one.open('r8')
    one.bus.announce('r8', one.presence('a'))
    await one.next('entered')
    await harness.lose()
    await Promise.all([one.next('down'), two.next('down')])
    expect(one.bus.connected).toBe(false)
    // Dropped, and nothing thrown.
    one.bus.announce('r8', one.presence('lost'))
    one.bus.send(two.bus.instance, 'r8', 'x', new Uint8Array())
    one.bus.withdraw('r8', one.presence('a'), false)
    expect(await new Promise((resolve) => one.bus.remembered('ticket', resolve))).toBe(undefined)
    await harness.find()
    await Promise.all([one.next('up'), two.next('up')])
    await one.open('r8')
    one.bus.announce('r8', one.presence('b'))
    await one.next('entered')
    expect((await two.open('r8')).map(({ id }) => id)).toEqual(['b'])
  })
})

it('takes a Redis that is there and does not answer for lost, and finds it again', async () => {
  const redis = await RedisServer.start()
  const listener = new Listener(new RedisBus(systemRuntime({ log: () => {} }), 'one', { url: redis.url }))
  try {
    await listener.next('up')
    redis.freeze(true)
    await listener.next('down')
    redis.freeze(false)
    await listener.next('up')
  } finally {
    await new Promise<void>((resolve) => listener.bus.stop(resolve))
    await redis.stop()
  }
})

it('takes no instance for dead that is not back yet when Redis is', async () => {
  const redis = await RedisServer.start()
  const runtime = systemRuntime({ log: () => {} })
  const join = async (instance: string): Promise<Listener> => {
    const listener = new Listener(new RedisBus(runtime, instance, { url: redis.url }))
    await listener.next('up')
    await listener.open('room')
    listener.bus.announce('room', listener.presence(`of ${instance}`))
    return listener
  }
  const stop = ({ bus }: Listener) => new Promise<void>((resolve) => bus.stop(resolve))
  const one = await join('one')
  try {
    const slow = await join('slow')
    await expect.poll(() => one.heard.filter(([event]) => event === 'entered').length).toBe(2)
    await redis.kill()
    await one.next('down')
    await stop(slow)
    await redis.restart()
    await one.next('up')
    await one.open('room')
    const dies = await join('dies')
    await expect.poll(() => one.heard.filter(([event]) => event === 'entered').length).toBe(3)
    await stop(dies)
    // Of the slow one, which never came back, it says nothing: who was in its rooms is looked up when they are read again.
    expect(await one.next('instanceDown')).toEqual(['dies'])
    expect(one.heard.filter(([event]) => event === 'instanceDown')).toEqual([])
  } finally {
    await stop(one)
    await redis.stop()
  }
})

/** A Redis and one instance on it, whose log is kept. */
async function withRedis(
  test: (redis: RedisServer, listener: Listener, logged: unknown[]) => Promise<void>,
): Promise<void> {
  const redis = await RedisServer.start()
  const logged: unknown[] = []
  const runtime = systemRuntime({
    log: (_level, message, details) => logged.push([message, details]),
  })
  const listener = new Listener(new RedisBus(runtime, 'one', { url: redis.url }))
  try {
    await listener.next('up')
    await test(redis, listener, logged)
  } finally {
    redis.freeze(false)
    await new Promise<void>((resolve) => listener.bus.stop(resolve))
    await redis.stop()
  }
}

/** Stands where Redis was until it was dialled so many times, always in vain. */
async function attemptsAt(port: number, wanted: number): Promise<void> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  await new Promise<void>((resolve) => {
    let attempts = 0
    server.on('connection', (socket) => {
      socket.destroy()
      if (++attempts === wanted) resolve()
    })
  })
  await new Promise((resolve) => server.close(resolve))
}

it.each([
  ['a replica, as after a failover', 'READONLY', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']],
  ['full', 'OOM', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0']],
])('takes a Redis that is %s for lost, says why, and finds it again', async (_what, word, breaks, mends) => {
  await withRedis(async (redis, one, logged) => {
    await redis.command(...breaks)
    await one.next('down')
    expect(one.bus.connected).toBe(false)
    expect(logged).toContainEqual(['Redis failed', { error: expect.stringContaining(word) }])
    // Tried again meanwhile, which is neither told nor written once more.
    const connections = async (): Promise<number> =>
      Number(/total_connections_received:(\d+)/.exec(String(await redis.command('INFO', 'stats')))?.[1])
    const before = await connections()
    await expect.poll(connections).toBeGreaterThan(before + 4)
    expect(one.heard).toEqual([])
    expect(logged.filter((line) => JSON.stringify(line).includes(word))).toHaveLength(1)
    await redis.command(...mends)
    await one.next('up')
    await one.open('room')
    one.bus.announce('room', one.presence('a'))
    await one.next('entered')
  })
})

it('says why Redis lets it not in, without its password, and is in when it does', async () => {
  const redis = await RedisServer.start()
  await redis.command('CONFIG', 'SET', 'requirepass', 'the-right-one')
  const logged: unknown[] = []
  const runtime = systemRuntime({ log: (_level, message, details) => logged.push([message, details]) })
  const url = redis.url.replace('//', '//:hush@')
  const listener = new Listener(new RedisBus(runtime, 'one', { url }))
  try {
    await expect
      .poll(() => logged)
      .toEqual([['Redis failed', { error: expect.stringContaining('WRONGPASS') }]])
    expect(JSON.stringify(logged)).not.toContain('hush')
    await redis.command('AUTH', 'the-right-one').catch(() => {})
    await redis.restart('hush')
    await listener.next('up')
  } finally {
    await new Promise<void>((resolve) => listener.bus.stop(resolve))
    await redis.stop()
  }
})

it('leaves a room for good that is closed while Redis is lost', async () => {
  await withRedis(async (redis, one) => {
    await one.open('stays')
    await one.open('goes')
    await redis.kill()
    await one.next('down')
    one.bus.close('goes')
    // When an attempt to find it fails, the library gives up what was to be said.
    await attemptsAt(redis.port, 6)
    await redis.restart()
    await one.next('up')
    await one.open('stays')
    const channels = async () => ((await redis.command('PUBSUB', 'CHANNELS')) as string[]).sort()
    await expect.poll(channels).toEqual(['ringmesh:instance:one', 'ringmesh:room:stays'])
    expect(await one.open('goes')).toEqual([])
    one.bus.announce('goes', one.presence('a'))
    await one.next('entered')
    expect(one.heard).toEqual([])
  })
})

it('drops frames when Redis takes them slower than they come, and says so', async () => {
  await withRedis(async (redis, one) => {
    const frame = new Uint8Array(64 * 1024)
    redis.freeze(true)
    let taken = 0
    while (taken < 2_000 && one.bus.send('one', 'room', 'a', frame)) taken++
    // 64 MiB; a full queue does not lose the bus, and nothing that was taken.
    expect(taken).toBeGreaterThan(900)
    expect(taken).toBeLessThan(1_100)
    redis.freeze(false)
    const frames = () => one.heard.filter(([event]) => event === 'frame').length
    await expect.poll(frames).toBe(taken)
    expect(one.bus.send('one', 'room', 'a', frame)).toBe(true)
  })
})

it('takes back what left while Redis could not be told, though Redis kept it', async () => {
  await withRedis(async (redis, one) => {
    const two = new Listener(new RedisBus(systemRuntime({ log: () => {} }), 'two', { url: redis.url }))
    try {
      await two.next('up')
      await one.open('room')
      await two.open('room')
      for (const id of ['goes', 'goes too', 'stays']) one.bus.announce('room', one.presence(id))
      for (let n = 0; n < 3; n++) await two.next('entered')
      // Under way to a Redis that does not take it any more, and after it was lost.
      redis.freeze(true)
      one.bus.withdraw('room', one.presence('goes'), true)
      await Promise.all([one.next('down'), two.next('down')])
      one.bus.withdraw('room', one.presence('goes too'), false)
      redis.freeze(false)
      await Promise.all([one.next('up'), two.next('up')])
      const there = async () => (await two.open('room')).map(({ id }) => id)
      await expect.poll(there).toEqual(['stays'])
    } finally {
      await new Promise<void>((resolve) => two.bus.stop(resolve))
    }
  })
})

/** A way to Redis on which the connections that `marker` has passed can be made to swallow everything, as a lost NAT does. */
async function stallingWay(
  marker: Buffer,
  port: number,
): Promise<{ url: string; stall: () => void; close: () => void }> {
  const marked = new Set<() => void>()
  const proxy = createServer((client) => {
    const redis = connect(port, '127.0.0.1')
    for (const socket of [client, redis]) socket.on('error', () => {})
    let isStalled = false
    redis.on('data', (chunk: Buffer) => !isStalled && client.write(chunk))
    redis.on('close', () => !isStalled && client.destroy())
    client.on('close', () => redis.destroy())
    client.on('data', (chunk: Buffer) => {
      if (isStalled) return
      if (chunk.includes(marker)) marked.add(() => (isStalled = true))
      redis.write(chunk)
    })
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  return {
    url: `redis://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    stall: () => {
      for (const stall of marked) stall()
    },
    close: () => proxy.close(),
  }
}

/** A way to Redis that stops right behind `marker` where that first passes, until it is let on. */
async function stoppingAt(
  marker: Buffer,
  port: number,
): Promise<{ url: string; stopped: Promise<void>; letOn: () => void; close: () => void }> {
  let arrived = (): void => {}
  const stopped = new Promise<void>((resolve) => {
    arrived = resolve
  })
  let letOn = (): void => {}
  let isDone = false
  const proxy = createServer((client) => {
    const redis = connect(port, '127.0.0.1')
    for (const socket of [client, redis]) socket.on('error', () => {})
    redis.pipe(client)
    redis.on('close', () => client.destroy())
    client.on('close', () => redis.destroy())
    client.on('data', (chunk: Buffer) => {
      const at = isDone ? -1 : chunk.indexOf(marker)
      if (at === -1) {
        redis.write(chunk)
        return
      }
      isDone = true
      client.pause()
      const behind = at + marker.byteLength + '\r\n'.length
      redis.write(chunk.subarray(0, behind), () => arrived())
      letOn = () => {
        redis.write(chunk.subarray(behind))
        client.resume()
      }
    })
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const { port: at } = proxy.address() as AddressInfo
  return { url: `redis://127.0.0.1:${at}`, stopped, letOn: () => letOn(), close: () => proxy.close() }
}

it.each([
  ['by which it asks', 'alive:'],
  ['by which it listens', 'subscribe'],
])(
  'notices that the one of its connections is dead %s, though writing to it goes on well',
  async (_which, marker) => {
    await withRedis(async (redis) => {
      const way = await stallingWay(Buffer.from(marker), redis.port)
      const one = new Listener(new RedisBus(systemRuntime({ log: () => {} }), 'two', { url: way.url }))
      let writing: ReturnType<typeof setInterval> | undefined
      try {
        await one.next('up')
        const ask = () => new Promise((resolve) => one.bus.remembered('ticket', resolve))
        expect(await ask()).toBe(false)
        way.stall()
        let rooms = 0
        writing = setInterval(() => {
          one.bus.open(`room ${++rooms}`)
          void ask()
        }, 500)
        await one.next('down')
        expect(await ask()).toBe(undefined)
        await one.next('up')
        expect(await ask()).toBe(false)
      } finally {
        clearInterval(writing)
        await new Promise<void>((resolve) => one.bus.stop(resolve))
        way.close()
      }
    })
  },
)

it('keeps of one id the claim that it told of last, where those of two instances cross', async () => {
  await withRedis(async (redis, one) => {
    const presence = { id: 'a', instance: 'slow', session: 1, info: new Uint8Array([1, 2, 3]) }
    const way = await stoppingAt(packPresence(presence), redis.port)
    const slow = new Listener(new RedisBus(systemRuntime({ log: () => {} }), 'slow', { url: way.url }))
    try {
      await slow.next('up')
      await one.open('room')
      slow.bus.announce('room', presence)
      await way.stopped
      one.bus.announce('room', one.presence('a'))
      await one.next('entered')
      way.letOn()
      const [, last] = await one.next('entered')
      expect((await one.open('room')).map(({ instance }) => instance)).toEqual([(last as Presence).instance])
    } finally {
      await new Promise<void>((resolve) => slow.bus.stop(resolve))
      way.close()
    }
  })
})

it('takes whatever lies in Redis or comes from there, and tells only what it understands', async () => {
  await withRedis(async (redis, one, logged) => {
    await one.open('room')
    const junk = ['', 'junk', '\u0000', '{"json":1}', 'x'.repeat(100_000)]
    for (const text of junk) {
      await redis.command('PUBLISH', 'ringmesh:room:room', text)
      await redis.command('PUBLISH', 'ringmesh:instance:one', text)
      await redis.command('HSET', 'ringmesh:present:room', `junk ${text.slice(0, 10)}`, text)
    }
    await redis.command('SET', 'ringmesh:present:other', 'no hash')
    one.bus.announce('room', one.presence('a'))
    await one.next('entered')
    expect((await one.open('room')).map(({ id }) => id)).toEqual(['a'])
    one.bus.open('other')
    await expect.poll(() => JSON.stringify(logged)).toContain('WRONGTYPE')
    expect(one.heard).toEqual([])
  })
})
