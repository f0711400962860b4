import { decode, encode } from '@msgpack/msgpack'
import { createClient, RESP_TYPES } from 'redis'
import * as v from 'valibot'
import type { Runtime, Timer } from '../../src/runtime/index.js'
import type { Bus, BusEvents, Presence } from '../rooms/index.js'

/** Milliseconds between two signs of life of an instance. */
const heartbeat = 1_000

/** Milliseconds after which an instance that gave no sign of life is dead: three missed ones and a slow fourth. */
const instanceExpiry = 4_000

/** Milliseconds that what is kept of a room outlives its last instance, should all of them die at once. */
const roomExpiry = 60_000

/** Heartbeats between two renewals of the rooms' expiry: three chances before it runs out. */
const roomRenewal = 20

/** Milliseconds without an answer after which Redis counts as lost; heartbeats keep a healthy socket busier. */
const socketTimeout = 4_000

/** Milliseconds at most between two attempts to find Redis again. */
const longestRetry = 1_000

/** Commands that may wait for Redis to answer; beyond it they are dropped, and made good when it is back. */
const longestQueue = 100_000

/** Takes a presence back only while it is still exactly that one, and says so on the room's channel. */
const withdrawal = `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
if ARGV[3] then redis.call('PUBLISH', ARGV[3], ARGV[4]) end
return 1`

const text = v.pipe(v.string(), v.maxLength(2048))
const whole = v.pipe(v.number(), v.integer())
const bytes = v.instance(Uint8Array)
const stored = v.tuple([text, whole, bytes])
const carried = v.tuple([text, text, bytes])
const entered = v.tuple([v.literal('entered'), text, text, whole, bytes])
const left = v.tuple([v.literal('left'), text, text, whole, v.boolean()])

/** A room that is wanted. */
interface Subscription {
  readonly listener: (frame: Buffer) => void
  /** Confirmed by Redis: what comes earlier was for an earlier subscription, and the snapshot has it. */
  isLive: boolean
}

type RedisClient = ReturnType<typeof redisClient>

/** Where Redis is, and what this service's keys there start with. */
export interface RedisBusOptions {
  /** `redis[s]://[[user][:password]@]host[:port][/database]`. */
  readonly url: string
  /** Default `ringmesh:`. Services that share a Redis and not their rooms need different ones. */
  readonly prefix?: string
}

/**
 * The bus over Redis, 6.2 or later: a hash for each room keeps who is in it, a channel for each room
 * carries the notices, a channel for each instance the frames, and a key that expires says that an
 * instance lives.
 *
 * ```
 *  alive:INSTANCE      expires after 4 s, renewed every second
 *  present:ROOM        id → [instance, session, info]; expires 60 s after its last instance
 *  remember:KEY        tickets that were handed back, until they would have expired
 *  room:ROOM           channel: entered, left
 *  instance:INSTANCE   channel: frames for peers there
 * ```
 */
export class RedisBus implements Bus {
  readonly instance: string
  readonly #runtime: Runtime
  readonly #prefix: string
  readonly #commands: RedisClient
  readonly #notices: RedisClient
  readonly #rooms = new Map<string, Subscription>()
  /** Other instances that were heard of here; they are watched. */
  readonly #others = new Set<string>()
  #events: BusEvents | undefined
  #connected = false
  #alive = false
  #beats = 0
  #beat: Timer | undefined

  constructor(runtime: Runtime, instance: string, { url, prefix = 'ringmesh:' }: RedisBusOptions) {
    this.instance = instance
    this.#runtime = runtime
    this.#prefix = prefix
    this.#commands = redisClient(url)
    this.#notices = redisClient(url)
  }

  get connected(): boolean {
    return this.#connected
  }

  start(events: BusEvents): void {
    this.#events = events
    for (const redis of [this.#commands, this.#notices]) {
      for (const event of ['ready', 'reconnecting', 'end'] as const) redis.on(event, () => this.#look())
      redis.on('error', (error: Error) => {
        if (this.#connected) this.#runtime.log('warn', 'Redis failed', { error: error.message })
        this.#look()
      })
      // Settles only when the client is closed for good; until then it looks for Redis by itself.
      redis.connect().catch(() => {})
    }
  }

  open(room: string): void {
    const subscription = this.#rooms.get(room) ?? this.#subscription(room)
    this.#notices.subscribe(this.#key('room', room), subscription.listener, true).then(() => {
      subscription.isLive = true
      return this.#read(room, subscription)
    }, dropped)
  }

  close(room: string): void {
    const subscription = this.#rooms.get(room)
    if (subscription === undefined) return
    this.#rooms.delete(room)
    subscription.isLive = false
    this.#notices.unsubscribe(this.#key('room', room), subscription.listener, true).catch(dropped)
  }

  announce(room: string, { id, instance, session, info }: Presence): void {
    const key = this.#key('present', room)
    this.#send('HSET', key, id, packed([instance, session, info]))
    this.#send('PEXPIRE', key, String(roomExpiry))
    this.#send('PUBLISH', this.#key('room', room), packed(['entered', id, instance, session, info]))
  }

  withdraw(room: string, presence: Presence, clean: boolean): void {
    const { id, instance, session } = presence
    this.#remove(room, presence, this.#key('room', room), packed(['left', id, instance, session, clean]))
  }

  send(instance: string, room: string, to: string, frame: Uint8Array): void {
    this.#send('PUBLISH', this.#key('instance', instance), packed([room, to, frame]))
  }

  remember(key: string, milliseconds: number): void {
    this.#send('SET', this.#key('remember', key), '1', 'PX', String(Math.ceil(milliseconds)))
  }

  remembered(key: string, settle: (answer: boolean | undefined) => void): void {
    if (!this.#connected) {
      this.#runtime.timer(0, () => settle(undefined))
      return
    }
    this.#ask('EXISTS', this.#key('remember', key)).then(
      (count) => settle(count === 1),
      () => settle(undefined),
    )
  }

  stop(done: () => void): void {
    this.#beat?.cancel()
    this.#events = undefined
    this.#connected = false
    const gone = this.#ask('DEL', this.#key('alive', this.instance)).catch(dropped)
    let patience: Timer | undefined
    const finish = (): void => {
      if (patience === undefined) return
      patience.cancel()
      patience = undefined
      for (const redis of [this.#commands, this.#notices]) if (redis.isOpen) redis.destroy()
      done()
    }
    patience = this.#runtime.timer(heartbeat, finish)
    gone.then(finish)
  }

  #subscription(room: string): Subscription {
    const subscription: Subscription = {
      listener: (frame) => {
        if (subscription.isLive) this.#noticed(room, frame)
      },
      isLive: false,
    }
    this.#rooms.set(room, subscription)
    return subscription
  }

  #key(kind: string, name: string): string {
    return `${this.#prefix}${kind}:${name}`
  }

  /** Compares what the clients say with what was told of them. */
  #look(): void {
    const connected = this.#commands.isReady && this.#notices.isReady
    if (connected === this.#connected || this.#events === undefined) return
    this.#connected = connected
    this.#beat?.cancel()
    if (!connected) {
      for (const subscription of this.#rooms.values()) subscription.isLive = false
      // Who is not back as soon as we are is not dead: each is watched again from when it is heard of again.
      this.#others.clear()
      this.#events.down()
      return
    }
    this.#alive = false
    const channel = this.#key('instance', this.instance)
    this.#notices.subscribe(channel, this.#carried, true).then(() => {
      if (this.#connected !== connected) return
      this.#pulse()
      this.#events?.up()
    }, dropped)
  }

  /** Gives a sign of life, and looks for those of the others. */
  #pulse(): void {
    this.#beat = this.#runtime.timer(heartbeat, () => this.#pulse())
    const alive = this.#key('alive', this.instance)
    this.#ask('SET', alive, '1', 'PX', String(instanceExpiry), 'GET').then((before) => {
      // We were silent for so long that the others gave us up: tell them again who is here.
      if (before === null && this.#alive) this.#events?.up()
      this.#alive = true
    }, dropped)
    this.#checkOn([...this.#others]).then((dead) => {
      for (const instance of dead) {
        this.#others.delete(instance)
        this.#runtime.log('warn', 'an instance is dead', { instance })
        this.#events?.instanceDown(instance)
      }
    }, dropped)
    if (this.#beats++ % roomRenewal !== 0) return
    for (const room of this.#rooms.keys()) {
      this.#send('PEXPIRE', this.#key('present', room), String(roomExpiry))
    }
  }

  /** Those of `instances` that give no sign of life. */
  async #checkOn(instances: readonly string[]): Promise<string[]> {
    if (instances.length === 0) return []
    const signs = await this.#ask('MGET', ...instances.map((instance) => this.#key('alive', instance)))
    if (!Array.isArray(signs)) return []
    return instances.filter((_instance, index) => signs[index] === null)
  }

  /** Reads who is in a room, and clears away who is not any more. */
  async #read(room: string, subscription: Subscription): Promise<void> {
    try {
      const all = presences(await this.#ask('HGETALL', this.#key('present', room)))
      const instances = new Set(all.map(({ instance }) => instance))
      instances.delete(this.instance)
      const dead = new Set(await this.#checkOn([...instances]))
      for (const instance of instances) if (!dead.has(instance)) this.#others.add(instance)
      for (const presence of all) if (dead.has(presence.instance)) this.#remove(room, presence)
      if (this.#rooms.get(room) !== subscription) return
      this.#events?.snapshot(
        room,
        all.filter(({ instance }) => !dead.has(instance)),
      )
    } catch {
      // Redis was lost meanwhile; the room is read again when it is back.
    }
  }

  #remove(room: string, { id, instance, session, info }: Presence, ...tell: (string | Buffer)[]): void {
    this.#send(
      'EVAL',
      withdrawal,
      '1',
      this.#key('present', room),
      id,
      packed([instance, session, info]),
      ...tell,
    )
  }

  #noticed(room: string, frame: Buffer): void {
    const tuple = unpacked(frame)
    const came = v.safeParse(entered, tuple)
    if (came.success) {
      const [, id, instance, session, info] = came.output
      if (instance !== this.instance) this.#others.add(instance)
      this.#events?.entered(room, { id, instance, session, info })
      return
    }
    const gone = v.safeParse(left, tuple)
    if (!gone.success) return
    const [, id, instance, session, clean] = gone.output
    this.#events?.left(room, id, instance, session, clean)
  }

  readonly #carried = (frame: Buffer): void => {
    const parsed = v.safeParse(carried, unpacked(frame))
    if (parsed.success) this.#events?.frame(...parsed.output)
  }

  #send(...command: (string | Buffer)[]): void {
    if (this.#connected) this.#ask(...command).catch(dropped)
  }

  #ask(...command: (string | Buffer)[]): Promise<unknown> {
    return this.#commands.sendCommand(command)
  }
}

/** What is lost with Redis is sent again when it is back. */
function dropped(): void {}

function redisClient(url: string) {
  return createClient({
    url,
    disableOfflineQueue: true,
    commandsQueueMaxLength: longestQueue,
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
    pingInterval: heartbeat,
    socket: {
      connectTimeout: socketTimeout,
      socketTimeout,
      reconnectStrategy: (attempt) => Math.min(longestRetry, 50 * 2 ** Math.min(attempt, 10)),
    },
  })
}

function packed(value: unknown): Buffer {
  const array = encode(value)
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength)
}

function unpacked(frame: Uint8Array): unknown {
  try {
    return decode(frame)
  } catch {
    return undefined
  }
}

/** Reads the reply to HGETALL, which is a map in RESP3 and a flat list in RESP2. */
function presences(reply: unknown): Presence[] {
  const pairs: (readonly [unknown, unknown])[] = []
  if (reply instanceof Map) pairs.push(...reply)
  else if (Array.isArray(reply))
    for (let at = 0; at < reply.length; at += 2) pairs.push([reply[at], reply[at + 1]])
  else if (typeof reply === 'object' && reply !== null) pairs.push(...Object.entries(reply))
  const all: Presence[] = []
  for (const [field, value] of pairs) {
    const parsed = v.safeParse(stored, value instanceof Uint8Array ? unpacked(value) : undefined)
    if (!parsed.success) continue
    const [instance, session, info] = parsed.output
    all.push({ id: String(field), instance, session, info })
  }
  return all
}
