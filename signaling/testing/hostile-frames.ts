import { encodeMessage, packValue, protocolVersion } from '../../src/wire/index.js'
import { tab } from './raw-peer.js'

/** Payloads of frames that no peer of ours sends, and some that are nearly right. */
export class HostileFrames {
  /** A join that is right. */
  readonly join: Uint8Array
  readonly #random: () => number
  readonly #relay: Uint8Array

  constructor(random: () => number) {
    this.#random = random
    this.join = encodeMessage({
      type: 'signal.join',
      protocol: protocolVersion,
      room: 'fuzz',
      peer: tab('fuzz'),
      token: null,
    })
    this.#relay = encodeMessage({ type: 'signal.relay', to: 'fuzz', frame: this.noise(64) })
  }

  upTo(most: number): number {
    return Math.floor(this.#random() * most)
  }

  noise(length: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length }, () => this.upTo(256))
  }

  /** Bytes for a binary frame, or a string for one of text. */
  next(): Uint8Array | string {
    switch (this.upTo(8)) {
      case 0:
        return this.noise(this.upTo(200))
      case 1:
        return this.#damaged(this.join)
      case 2:
        return this.#damaged(this.#relay)
      case 3: {
        const parts = [110 + this.upTo(20), this.noise(this.upTo(30)), 'x'.repeat(this.upTo(100)), null]
        return packValue(parts.slice(0, 1 + this.upTo(4)))
      }
      case 4:
        // Heads of arrays and maps that promise what does not come.
        return Uint8Array.from([0xdd, 0xff, 0xff, 0xff, this.upTo(256), ...this.noise(this.upTo(20))])
      case 5:
        return new Uint8Array(200 + this.upTo(2_000)).fill(0x91)
      case 6:
        // Read by any parser, and deeper than a recursive writer has stack for.
        return `{"type":"OFFER","dst":"f","payload":${'['.repeat(10_000)}${']'.repeat(10_000)}}`
      default:
        return String.fromCharCode(...this.noise(this.upTo(50)))
    }
  }

  /** A valid frame with something changed in it. */
  #damaged(valid: Uint8Array): Uint8Array {
    const frame = Uint8Array.from(valid)
    for (let changes = 1 + this.upTo(3); changes > 0; changes--)
      frame[this.upTo(frame.length)] = this.upTo(256)
    return this.#random() < 0.3 ? frame.subarray(0, this.upTo(frame.length)) : frame
  }
}
