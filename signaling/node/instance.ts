import { createHash } from 'node:crypto'
import type { JSONWebKeySet } from 'jose'
import { hiddenValue, InvalidOption } from '../../src/errors/index.js'
import { type Runtime, randomId } from '../../src/runtime/index.js'
import type { SignalConfiguration } from '../options.js'
import { PeerJsDoor } from '../peerjs/index.js'
import {
  type Admission,
  type Bus,
  Directory,
  LoneBus,
  openAdmission,
  Rooms,
  Sockets,
  Tally,
} from '../rooms/index.js'
import { HttpAnswers } from './http-answers.js'
import { JwtAdmission } from './jwt-admission.js'
import { Metrics } from './metrics.js'
import { RedisBus, type RedisBusOptions } from './redis-bus.js'
import { iceServers } from './turn-credentials.js'

/** The rooms, doors, bus and watch-tower of one instance, put together as its configuration says. */
export class Instance {
  readonly tally = new Tally()
  readonly sockets: Sockets
  readonly rooms: Rooms
  readonly peerjs: PeerJsDoor | undefined
  readonly http: HttpAnswers
  readonly #runtime: Runtime
  readonly #bus: Bus
  readonly #metrics: Metrics
  readonly #admission: Admission
  #busWasUp: boolean

  /** @param attached - the HTTP server is somebody else's: the PeerJS door is there only when asked for */
  constructor(configuration: SignalConfiguration, peerjs: SignalConfiguration['peerjs'], runtime: Runtime) {
    const { limits, redis, redisPrefix, turn } = configuration
    const { tally } = this
    this.#runtime = runtime
    const name = randomId(runtime)
    this.#bus =
      redis === undefined ? new LoneBus(name) : redisBus(runtime, name, { url: redis, prefix: redisPrefix })
    const isAlone = redis === undefined
    const isBusUp = (): boolean => isAlone || this.#bus.connected
    this.#busWasUp = isAlone
    this.sockets = new Sockets(runtime, limits, tally)
    const admission = this.#admissionBy(configuration)
    this.#admission = admission
    const directory = new Directory(runtime, this.#bus, (up) => this.#busChanged(up))
    const shared = { runtime, limits, tally, directory, sockets: this.sockets, admission }
    this.rooms = new Rooms({ ...shared, iceServers: iceServers(runtime, configuration.iceServers, turn) })
    this.#metrics = new Metrics(tally, {
      connections: () => this.sockets.size,
      unreadBytes: () => this.sockets.unread.total,
      rooms: () => directory.rooms,
      busConnected: isBusUp,
      draining: () => this.rooms.draining,
      limits,
    })
    const door = peerjs || undefined
    this.peerjs = door && new PeerJsDoor({ ...shared, key: door.key, digest: sha256 })
    this.http = new HttpAnswers({
      metrics: this.#metrics,
      origins: configuration.origins,
      bus: () => (isBusUp() ? 'up' : 'down'),
      unready: () =>
        this.rooms.draining
          ? 'draining'
          : this.#busWasUp
            ? undefined
            : 'waiting for the bus to the other instances',
      peerjs: door && { ...door, ids: () => this.peerjs?.ids() ?? [] },
    })
  }

  /** Lets nobody in any more and tells all peers to go elsewhere. */
  drain(): void {
    this.rooms.drain()
    this.peerjs?.drain()
  }

  /** Lets go of the bus and stops measuring. */
  stop(): Promise<void> {
    this.#metrics.close()
    return new Promise((resolve) => this.#bus.stop(resolve))
  }

  #admissionBy({ key, previousKey, jwks, open, audience, issuer }: SignalConfiguration): Admission {
    if (key === undefined && jwks === undefined) return openAdmission
    if (open) this.#runtime.log('warn', 'open is ignored: a key is given, so tokens are wanted')
    return new JwtAdmission(this.#runtime, this.#bus, {
      key,
      previousKey,
      jwks: jwks as string | JSONWebKeySet | undefined,
      audience,
      issuer,
    })
  }

  #busChanged(up: boolean): void {
    this.#busWasUp ||= up
    if (up) this.#admission.busIsBack()
    else this.tally.busLosses++
    this.#runtime.log(
      up ? 'info' : 'warn',
      up ? 'Redis is there' : 'Redis is lost: rooms go on within this instance',
    )
  }
}

/** The client's own error quotes the URL, and with it the password. */
function redisBus(runtime: Runtime, name: string, options: RedisBusOptions): Bus {
  try {
    return new RedisBus(runtime, name, options)
  } catch {
    throw new InvalidOption('signal.redis', hiddenValue, 'must be the URL of a Redis')
  }
}

function sha256(text: string): Uint8Array {
  return createHash('sha256').update(text).digest()
}
