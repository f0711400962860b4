import {
  type AnyMessageDefinition,
  decodeMessage,
  encodeMessage,
  type Message,
  messageDefinition,
} from '../../wire/index.js'
// biome-ignore lint/style/noRestrictedImports: made-up messages are no part of the product
import { randomValue } from '../../wire/testing/random-message.js'
import { type SimulatedPeer, type SimulatedPeers, storeName } from './simulated-peers.js'

/** What the state's protocol has for others than a reply to what was asked. */
const types = [
  'store.put',
  'store.get',
  'store.offer',
  'store.offered',
  'store.transfer',
  'store.transferred',
  'store.cover',
  'store.compare',
  'store.leaves',
  'store.watch',
  'store.unwatch',
  'store.changed',
  'store.list',
  'store.collect',
  'store.agreed',
  'store.forget',
] as const

/** Frames that it sends in one moment. */
const burst = 20

/** Keys and stamps of which its frames are made, so that they mean something to who gets them. */
const known = 20

/** Milliseconds that it waits for an answer, which it does not look at. */
const patience = 5_000

/**
 * A member that sends made-up frames of the state's protocol: about keys that there are, with stamps
 * that there are, in no order, and some with broken bytes. It holds nothing, so nobody has reason to
 * go by what it says: no state that others wrote may change by it. Writing is what any member may
 * do, so its writes go to stores of its own.
 */
export class HostileMember {
  readonly #peers: SimulatedPeers
  readonly #self: SimulatedPeer
  /** Frames that it made, and those of them that could not be decoded and go no further. */
  sent = 0
  refused = 0

  constructor(peers: SimulatedPeers, self: SimulatedPeer) {
    this.#peers = peers
    this.#self = self
  }

  attack(): void {
    const others = this.#peers.running.filter((peer) => peer !== this.#self)
    if (others.length === 0 || !this.#self.running) return
    for (let frame = 0; frame < burst; frame++) {
      const message = this.#madeUp()
      this.sent++
      if (message === undefined) this.refused++
      else if (!writes(message)) this.#send(this.#peers.pick(others).self, message)
    }
  }

  #send(to: string, message: Message): void {
    if (this.#peers.random() < 0.5) this.#self.send(to, message)
    else this.#self.request(to, message, patience, () => {})
  }

  /** Nothing where the frame cannot be decoded, as it would be with who gets it. */
  #madeUp(): Message | undefined {
    const { random } = this.#peers
    const definition = messageDefinition(this.#peers.pick(types)) as AnyMessageDefinition
    try {
      const plausible = { chance: random, ids: this.#words() }
      const made = randomValue(definition.schema, plausible) as Record<string, unknown>
      // What only a function checks cannot be made up from the schema.
      for (const field of ['statuses', 'hashes', 'content'])
        if (field in made) made[field] = Uint8Array.from({ length: 64 }, () => Math.floor(random() * 8))
      const bytes = encodeMessage(made as Message)
      if (random() < 0.2) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
      return decodeMessage(bytes)
    } catch {
      return undefined
    }
  }

  #words(): string[] {
    const service = this.#peers.service(this.#peers.pick(this.#peers.running).self)
    const words = [storeName, storeName, storeName, this.#self.view, this.#self.self]
    for (const key of service.keysOf(storeName)) {
      words.push(key, service.find(storeName, key)?.version ?? '')
      if (words.length > 2 * known) break
    }
    return words
  }
}

/** Whether a message writes to the store of the others, as any member may. */
function writes(message: Message): boolean {
  if (message.type === 'store.put') return message.store === storeName
  return message.type === 'store.transfer' && message.records.some(([store]) => store === storeName)
}
