import { createClient, ErrorReply, RESP_TYPES } from 'redis'
import type { Runtime, Timer } from '../../src/runtime/index.js'

/** Milliseconds after which a connection is lost on which nothing goes or comes; heartbeats keep a healthy one busier. */
const socketTimeout = 4_000

/**
 * Looks in a row, a second apart, before which nothing came over a connection until it is lost: as long as the above,
 * which goes by what is written as well, and a dead connection takes that for a quarter of an hour (Linux, tcp_retries2).
 */
const mostSilentLooks = 4

/** Milliseconds at most between two attempts to find Redis again. */
const longestRetry = 1_000

/** Milliseconds between two pings on a connection that only listens. */
const pingInterval = 1_000

/**
 * Commands that may wait for Redis to answer: five for each of a hundred thousand peers, who are all announced when it
 * is back, by one each. Beyond it they are dropped, and made good when it is back the next time.
 */
const longestQueue = 500_000

/** Bytes of frames that may wait for Redis to take them: what it gets in the 4 s until it counts as lost, at 16 MB/s. */
const mostWaitingBytes = 64 * 1024 * 1024

/** What is told when the answer to {@link RedisConnection.isReady} changes. */
export type ReadinessListener = () => void

type Listener = (frame: Buffer) => void
type Words = readonly (string | Buffer)[]
type RedisClient = ReturnType<typeof redisClient>

/** Redis answered, and did not do what it was asked: it is a replica, full, or has no such permission for us. */
export function isRefusal(error: unknown): boolean {
  return error instanceof ErrorReply
}

/** The two connections that an instance has to Redis, one for commands and one that listens. They look for it by themselves. */
export class RedisConnection {
  readonly #runtime: Runtime
  readonly #commands: RedisClient
  readonly #listening: RedisClient
  /** Listeners whose channel was to be left while that could not be said; the library would subscribe to it again. */
  readonly #leftOver = new Map<Listener, string>()
  #waitingBytes = 0
  /** Looks in a row at which nothing had come over the one and the other. */
  #silentLooks = { commands: 0, listening: 0 }
  /** What went wrong last, as long as it does: an hour without Redis is one line and not four thousand. */
  #problem = ''
  #again: Timer | undefined
  #isStopped = false

  /** @throws an error of any kind for a URL that is none; it may quote it, password and all */
  constructor(runtime: Runtime, url: string) {
    this.#runtime = runtime
    this.#commands = redisClient(url)
    this.#listening = redisClient(url)
  }

  get isReady(): boolean {
    return this.#commands.isReady && this.#listening.isReady
  }

  start(changed: ReadinessListener): void {
    for (const redis of [this.#commands, this.#listening]) {
      for (const event of ['ready', 'reconnecting', 'end'] as const) redis.on(event, changed)
      redis.on('error', (error: Error) => {
        this.problem(error.message)
        changed()
      })
    }
    this.#connect()
  }

  /** Lets go and dials again after a while: behind the same name there may be another Redis by then, as after a failover. */
  renew(): void {
    this.#destroy()
    this.#again?.cancel()
    this.#again = this.#runtime.timer(longestRetry, () => this.#connect())
  }

  stop(): void {
    this.#isStopped = true
    this.#again?.cancel()
    this.#destroy()
  }

  /** Writes down why Redis is of no use, unless that is what was written last. */
  problem(message: string): void {
    if (this.#isStopped || message === this.#problem) return
    this.#problem = message
    this.#runtime.log('warn', 'Redis failed', { error: message })
  }

  /** It works; whatever fails next is news. */
  works(): void {
    this.#problem = ''
    this.#silentLooks = { commands: 0, listening: 0 }
  }

  /** Whether something still comes over both connections. To be asked once a second, by one who asks Redis something as often. */
  look(): boolean {
    this.#listening.sendCommand(['PING']).then(this.heard, () => {})
    const { commands, listening } = this.#silentLooks
    this.#silentLooks = { commands: commands + 1, listening: listening + 1 }
    return Math.max(commands, listening) < mostSilentLooks
  }

  /** Something came over the connection that listens. */
  readonly heard = (): void => {
    this.#silentLooks.listening = 0
  }

  /** Rejects when Redis is lost, or refuses. */
  ask(...command: Words): Promise<unknown> {
    const answer = this.#commands.sendCommand([...command])
    answer.then(this.#answered, (error) => {
      if (isRefusal(error)) this.#answered()
    })
    return answer
  }

  /** As {@link ask}, where nobody waits for the answer: what is lost with Redis is sent again when it is back. */
  say(...command: Words): void {
    this.ask(...command).catch((error: Error) => this.failed(command[0], error))
  }

  /** Publishes a frame; false when so much waits for Redis already that it is dropped. */
  publish(channel: string, frame: Buffer): boolean {
    const bytes = frame.byteLength
    if (this.#waitingBytes + bytes > mostWaitingBytes) return false
    this.#waitingBytes += bytes
    this.ask('PUBLISH', channel, frame)
      .catch((error: Error) => this.failed('PUBLISH', error))
      .finally(() => {
        this.#waitingBytes -= bytes
      })
    return true
  }

  /** Resolves when everything that is published from then on will come. Rejects when Redis is lost. */
  async subscribe(channel: string, listener: Listener): Promise<void> {
    await this.#listening.subscribe(channel, listener, true)
  }

  unsubscribe(channel: string, listener: Listener): void {
    this.#listening.unsubscribe(channel, listener, true).catch(() => this.#leftOver.set(listener, channel))
  }

  /** Leaves the channels that could not be left while Redis was away. */
  leaveLeftOver(): void {
    const leftOver = [...this.#leftOver]
    this.#leftOver.clear()
    for (const [listener, channel] of leftOver) this.unsubscribe(channel, listener)
  }

  /** Writes down that a command was refused. Of one that was lost with Redis nothing is said. */
  failed(command: unknown, error: Error): void {
    if (!isRefusal(error)) return
    this.#runtime.log('warn', 'Redis refused a command', { command, error: error.message })
  }

  readonly #answered = (): void => {
    this.#silentLooks.commands = 0
  }

  #connect(): void {
    for (const redis of [this.#commands, this.#listening]) {
      // Settles only when the client is closed for good; until then it looks for Redis by itself.
      if (!redis.isOpen) redis.connect().catch(() => {})
    }
  }

  #destroy(): void {
    for (const redis of [this.#commands, this.#listening]) if (redis.isOpen) redis.destroy()
  }
}

function redisClient(url: string) {
  return createClient({
    url,
    disableOfflineQueue: true,
    commandsQueueMaxLength: longestQueue,
    commandOptions: { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } },
    pingInterval,
    socket: {
      connectTimeout: socketTimeout,
      socketTimeout,
      reconnectStrategy: (attempt) => Math.min(longestRetry, 50 * 2 ** Math.min(attempt, 10)),
    },
  })
}
