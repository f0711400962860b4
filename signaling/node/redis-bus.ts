import type { Runtime, Timer } from '../../src/runtime/index.js'
import type { Bus, BusEvents, Presence } from '../rooms/index.js'
import { isRefusal, RedisConnection } from './redis-connection.js'
import {
  packEntered,
  packFrame,
  packLeft,
  packPresence,
  readFrame,
  readNotice,
  readPresences,
} from './redis-records.js'

/** Milliseconds between two signs of life of an instance. */
const heartbeat = 1_000

/** Milliseconds after which an instance that gave no sign of life is dead: three missed ones and a slow fourth. */
const instanceExpiry = 4_000

/** Milliseconds that what is kept of a room outlives its last instance, should all of them die at once. */
const roomExpiry = 60_000

/** Heartbeats between two renewals of the rooms' expiry: three chances before it runs out. */
const roomRenewal = 20

/**
 * Keeps a presence and says so, both at once: of two instances that claim one id the later is then the one that is kept
 * and the one that is told of last. Were they two commands, the claims could cross between them.
 */
const announcement = `
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1`

/** Takes a presence back only while it is still exactly that one, and says so on the room's channel. */
const withdrawal = `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
if ARGV[3] then redis.call('PUBLISH', ARGV[3], ARGV[4]) end
return 1`

/**
 * Withdrawals kept for a Redis that is lost or refuses them; as many as an instance has peers by default. Fewer come
 * about while it is lost; one that refuses them for good gets no more.
 */
const mostWithdrawals = 20_000

type Words = readonly (string | Buffer)[]

/** A room that is wanted. */
interface Subscription {
  readonly listener: (frame: Buffer) => void
  /** Confirmed by Redis: what comes earlier was for an earlier subscription, and the snapshot has it. */
  isLive: boolean
}

/** Where Redis is, and what this service's keys there start with. */
export interface RedisBusOptions {
  /** `redis[s]://[[user][:password]@]host[:port][/database]`, or `unix://[user:password@]/path/to/socket`. */
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
 *
 * A Redis that takes no sign of life (a replica after a failover, one that is full) is as one that is lost: the
 * others would give this instance up, and nothing that it announced would be kept.
 */
export class RedisBus implements Bus {
  readonly instance: string
  readonly #runtime: Runtime
  readonly #prefix: string
  readonly #redis: RedisConnection
  readonly #rooms = new Map<string, Subscription>()
  /** Said, or to be said, and not known to be done: Redis may be lost first, and still keep who left meanwhile. */
  readonly #withdrawals = new Set<Words>()
  /** Other instances that were heard of here; they are watched. */
  readonly #others = new Set<string>()
  #events: BusEvents | undefined
  #isReady = false
  #connected = false
  /** Raised whenever Redis is found or lost: what was asked before is of no interest any more. */
  #epoch = 0
  #beats = 0
  #beat: Timer | undefined

  /** @throws an error of any kind for a URL that is none; it may quote it, password and all */
  constructor(runtime: Runtime, instance: string, { url, prefix = 'ringmesh:' }: RedisBusOptions) {
    this.instance = instance
    this.#runtime = runtime
    this.#prefix = prefix
    this.#redis = new RedisConnection(runtime, url)
  }

  get connected(): boolean {
    return this.#connected
  }

  start(events: BusEvents): void {
    this.#events = events
    this.#redis.start(() => this.#look())
  }

  open(room: string): void {
    const subscription = this.#rooms.get(room) ?? this.#subscription(room)
    this.#redis.subscribe(this.#key('room', room), subscription.listener).then(() => {
      subscription.isLive = true
      return this.#read(room, subscription)
    }, dropped)
  }

  close(room: string): void {
    const subscription = this.#rooms.get(room)
    if (subscription === undefined) return
    this.#rooms.delete(room)
    subscription.isLive = false
    this.#redis.unsubscribe(this.#key('room', room), subscription.listener)
  }

  announce(room: string, presence: Presence): void {
    const [key, channel] = [this.#key('present', room), this.#key('room', room)]
    const stored = [presence.id, packPresence(presence), String(roomExpiry)]
    this.#say('EVAL', announcement, '1', key, ...stored, channel, packEntered(presence))
  }

  withdraw(room: string, presence: Presence, clean: boolean): void {
    const words = this.#removal(room, presence, this.#key('room', room), packLeft(presence, clean))
    if (this.#withdrawals.size < mostWithdrawals) this.#withdrawals.add(words)
    if (this.#connected) this.#carryOut(words)
  }

  send(instance: string, room: string, to: string, frame: Uint8Array): boolean {
    return this.#connected && this.#redis.publish(this.#key('instance', instance), packFrame(room, to, frame))
  }

  remember(key: string, milliseconds: number): void {
    this.#say('SET', this.#key('remember', key), '1', 'PX', String(Math.ceil(milliseconds)))
  }

  remembered(key: string, settle: (answer: boolean | undefined) => void): void {
    if (!this.#connected) {
      this.#runtime.timer(0, () => settle(undefined))
      return
    }
    this.#redis.ask('EXISTS', this.#key('remember', key)).then(
      (count) => settle(count === 1),
      () => settle(undefined),
    )
  }

  stop(done: () => void): void {
    this.#beat?.cancel()
    this.#events = undefined
    this.#connected = false
    this.#epoch++
    const gone = this.#redis.ask('DEL', this.#key('alive', this.instance)).catch(dropped)
    let patience: Timer | undefined
    const finish = (): void => {
      if (patience === undefined) return
      patience.cancel()
      patience = undefined
      this.#redis.stop()
      done()
    }
    patience = this.#runtime.timer(heartbeat, finish)
    gone.then(finish)
  }

  #subscription(room: string): Subscription {
    const subscription: Subscription = {
      listener: (frame) => {
        this.#redis.heard()
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

  /** Compares what the connection says with what was told of it. */
  #look(): void {
    const { isReady } = this.#redis
    if (isReady === this.#isReady || this.#events === undefined) return
    this.#isReady = isReady
    this.#epoch++
    if (isReady) this.#greet(this.#epoch)
    else this.#lose()
  }

  /** Redis is found; it works once frames can come and a sign of life was taken. */
  async #greet(epoch: number): Promise<void> {
    try {
      this.#redis.leaveLeftOver()
      await this.#redis.subscribe(this.#key('instance', this.instance), this.#carried)
      await this.#giveSign()
    } catch (error) {
      if (epoch === this.#epoch) this.#refused(error)
      return
    }
    if (epoch !== this.#epoch) return
    this.#connected = true
    this.#redis.works()
    this.#beat = this.#runtime.timer(heartbeat, () => this.#pulse())
    for (const words of this.#withdrawals) this.#carryOut(words)
    this.#events?.up()
  }

  #lose(): void {
    this.#beat?.cancel()
    for (const subscription of this.#rooms.values()) subscription.isLive = false
    // Who is not back as soon as we are is not dead: each is watched again from when it is heard of again.
    this.#others.clear()
    if (!this.#connected) return
    this.#connected = false
    this.#events?.down()
  }

  /** Where Redis answers and refuses, another is looked for; where it is lost, the connection does so by itself. */
  #refused(error: unknown): void {
    if (isRefusal(error)) this.#giveUp((error as Error).message)
  }

  #giveUp(problem: string): void {
    this.#redis.problem(problem)
    this.#redis.renew()
    this.#look()
  }

  /** @returns what Redis knew of this instance's life until now: null where it had held it for dead */
  #giveSign(): Promise<unknown> {
    const expiry = String(instanceExpiry)
    return this.#redis.ask('SET', this.#key('alive', this.instance), '1', 'PX', expiry, 'GET')
  }

  /** Gives a sign of life, and looks for those of the others. */
  #pulse(): void {
    if (!this.#redis.look()) {
      this.#giveUp('it does not answer any more')
      return
    }
    const epoch = this.#epoch
    this.#beat = this.#runtime.timer(heartbeat, () => this.#pulse())
    this.#giveSign().then(
      (before) => {
        // We were silent for so long that the others gave us up: tell them again who is here.
        if (before === null && epoch === this.#epoch) this.#events?.up()
      },
      (error) => {
        if (epoch === this.#epoch) this.#refused(error)
      },
    )
    this.#checkOn([...this.#others]).then((dead) => {
      if (epoch !== this.#epoch) return
      for (const instance of dead) {
        this.#others.delete(instance)
        this.#runtime.log('warn', 'an instance is dead', { instance })
        this.#events?.instanceDown(instance)
      }
    }, dropped)
    if (this.#beats++ % roomRenewal !== 0) return
    for (const room of this.#rooms.keys()) {
      this.#say('PEXPIRE', this.#key('present', room), String(roomExpiry))
    }
  }

  /** Those of `instances` that give no sign of life. */
  async #checkOn(instances: readonly string[]): Promise<string[]> {
    if (instances.length === 0) return []
    const keys = instances.map((instance) => this.#key('alive', instance))
    const signs = await this.#redis.ask('MGET', ...keys)
    if (!Array.isArray(signs)) return []
    return instances.filter((_instance, index) => signs[index] === null)
  }

  /** Reads who is in a room, and clears away who is not any more. */
  async #read(room: string, subscription: Subscription): Promise<void> {
    try {
      const all = readPresences(await this.#redis.ask('HGETALL', this.#key('present', room)))
      const instances = new Set(all.map(({ instance }) => instance))
      instances.delete(this.instance)
      const dead = new Set(await this.#checkOn([...instances]))
      for (const instance of instances) if (!dead.has(instance)) this.#others.add(instance)
      for (const presence of all) {
        if (dead.has(presence.instance)) this.#say(...this.#removal(room, presence))
      }
      if (this.#rooms.get(room) !== subscription) return
      this.#events?.snapshot(
        room,
        all.filter(({ instance }) => !dead.has(instance)),
      )
    } catch (error) {
      // Where Redis was lost meanwhile the room is read again when it is back.
      this.#redis.failed('HGETALL', error as Error)
    }
  }

  #removal(room: string, presence: Presence, ...tell: Words): Words {
    const key = this.#key('present', room)
    return ['EVAL', withdrawal, '1', key, presence.id, packPresence(presence), ...tell]
  }

  #carryOut(words: Words): void {
    this.#redis.ask(...words).then(
      () => this.#withdrawals.delete(words),
      (error) => this.#redis.failed(words[0], error),
    )
  }

  #noticed(room: string, frame: Buffer): void {
    const notice = readNotice(frame)
    if (notice?.type === 'entered') {
      const { presence } = notice
      if (presence.instance !== this.instance) this.#others.add(presence.instance)
      this.#events?.entered(room, presence)
    } else if (notice !== undefined) {
      this.#events?.left(room, notice.id, notice.instance, notice.session, notice.clean)
    }
  }

  readonly #carried = (frame: Buffer): void => {
    this.#redis.heard()
    const carried = readFrame(frame)
    if (carried !== undefined) this.#events?.frame(...carried)
  }

  #say(...command: Words): void {
    if (this.#connected) this.#redis.say(...command)
  }
}

/** What is lost with Redis is sent again when it is back. */
function dropped(): void {}
