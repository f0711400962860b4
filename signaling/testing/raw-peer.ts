import {
  decodeMessage,
  encodeMessage,
  type Message,
  type PeerInfo,
  protocolVersion,
} from '../../src/wire/index.js'
import { RawSocket } from './raw-socket.js'

/** A tab's description with the given id. */
export function tab(id: string): PeerInfo {
  return { id, kind: 'tab', weight: 1, host: `host-of-${id}` }
}

/** A peer of the rooms, in bare frames. */
export class RawPeer extends RawSocket<Message> {
  constructor(url: string, headers: Record<string, string> = {}, protocols: string[] = []) {
    super(url, headers, protocols)
  }

  protected override read(frame: Buffer): Message {
    return decodeMessage(frame)
  }

  /** Connects and joins; resolves when welcomed. */
  static async join(url: string, room: string, id: string, token: string | null = null): Promise<RawPeer> {
    const peer = new RawPeer(url)
    await peer.opened()
    peer.send({ type: 'signal.join', protocol: protocolVersion, room, peer: tab(id), token })
    await peer.next('signal.welcome')
    return peer
  }

  async opened(): Promise<this> {
    const status = await this.status
    if (status !== 101) throw new Error(`the upgrade was answered with ${status}`)
    return this
  }

  send(message: Message): void {
    this.socket.send(encodeMessage(message))
  }

  /** A question and its answer: whatever was sent before has been dealt with when this resolves. */
  async settled(): Promise<void> {
    this.send({ type: 'signal.ping' })
    await this.next('signal.pong')
  }

  close(): void {
    this.socket.close()
  }

  /** Goes without a word, as a killed tab does. */
  kill(): void {
    this.socket.terminate()
  }
}
