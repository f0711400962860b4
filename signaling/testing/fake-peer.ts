import * as v from 'valibot'
import { type Runtime, VirtualTime } from '../../src/runtime/index.js'
import { decodeMessage, encodeMessage, type Message, protocolVersion } from '../../src/wire/index.js'
import {
  type Admission,
  type Bus,
  type Connection,
  Directory,
  MemoryHub,
  openAdmission,
  type PeerSocket,
  Rooms,
  type RoomsOptions,
  type SignalLimits,
  Sockets,
  signalLimits,
  Tally,
} from '../rooms/index.js'
import { tab } from './raw-peer.js'

/** One instance of the service on virtual time, with no socket in it. */
export class FakeInstance {
  readonly tally = new Tally()
  readonly rooms: Rooms
  readonly directory: Directory
  readonly sockets: Sockets

  constructor(
    runtime: Runtime,
    bus: Bus,
    limits: Partial<SignalLimits> = {},
    admission: Admission = openAdmission,
    iceServers: RoomsOptions['iceServers'] = () => ({ servers: [] }),
  ) {
    const all = v.parse(signalLimits, limits)
    this.sockets = new Sockets(runtime, all, this.tally)
    this.directory = new Directory(runtime, bus)
    this.rooms = new Rooms({
      runtime,
      limits: all,
      tally: this.tally,
      sockets: this.sockets,
      directory: this.directory,
      admission,
      iceServers,
    })
  }
}

/** A service of several instances on one virtual time. */
export class FakeService {
  readonly time: VirtualTime
  readonly runtime: Runtime
  readonly hub: MemoryHub

  constructor(seed: string | number, delay: number) {
    this.time = new VirtualTime(seed)
    this.runtime = this.time.runtime('service')
    this.hub = new MemoryHub(this.runtime, delay)
  }

  instance(name: string, limits: Partial<SignalLimits> = {}, admission?: Admission): FakeInstance {
    return new FakeInstance(this.runtime, this.hub.bus(name), limits, admission)
  }

  peer(id: string, instance: FakeInstance, room = 'room'): FakePeer {
    return new FakePeer(this, id, instance, room)
  }
}

/** A peer that keeps what it is told, and what it believes of its room from that. */
export class FakePeer implements PeerSocket {
  readonly address = 'fake'
  readonly id: string
  buffered = 0
  isBehind = false
  readonly got: Message[] = []
  /** Who is in the room, by what the server said. */
  readonly view = new Set<string>()
  /** Milliseconds that its reading was paused for. */
  paused = 0
  probes = 0
  /** Code that the server closed it with, or `cut`; undefined while open. */
  endedBy: number | 'cut' | undefined
  readonly #service: FakeService
  readonly #connection: Connection
  #open = true

  constructor(service: FakeService, id: string, instance: FakeInstance, room: string) {
    this.#service = service
    this.id = id
    this.#connection = instance.rooms.connect(this)
    this.say({ type: 'signal.join', protocol: protocolVersion, room, peer: tab(id), token: null })
  }

  get open(): boolean {
    return this.#open
  }

  say(message: Message): void {
    if (this.#open) this.#connection.receive(encodeMessage(message))
  }

  bytes(frame: Uint8Array): void {
    if (this.#open) this.#connection.receive(frame)
  }

  /** The socket is gone, from the peer's side. */
  drop(): void {
    if (!this.#open) return
    this.#open = false
    this.#connection.closed()
  }

  answerProbe(): void {
    this.#connection.alive()
  }

  count(type: Message['type']): number {
    return this.got.filter((message) => message.type === type).length
  }

  send(frame: Uint8Array): void {
    if (!this.#open) return
    const message = decodeMessage(frame)
    this.got.push(message)
    if (message.type === 'signal.welcome') {
      this.view.clear()
      for (const { id } of message.peers) this.view.add(id)
    } else if (message.type === 'signal.joined') this.view.add(message.peer.id)
    else if (message.type === 'signal.closed') this.view.delete(message.peer)
  }

  probe(): void {
    this.probes++
  }

  pause(milliseconds: number): void {
    this.paused += milliseconds
  }

  end(code: number): void {
    this.endedBy ??= code
    this.#service.runtime.timer(1, () => this.drop())
  }

  cut(): void {
    this.endedBy ??= 'cut'
    this.#service.runtime.timer(0, () => this.drop())
  }
}
