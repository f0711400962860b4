import { InvalidOption, RingmeshError } from '../errors/index.js'
import { limits, packValue, unpackValue } from '../wire/index.js'
import { settings } from './settings.js'

/**
 * An input or a result: packed bytes, made once, so that a later change of the value by its owner
 * changes nothing here and every attempt sees the same; or, where the owner gave it away
 * (`transfer`), the value itself, packed only when it has to leave this peer.
 */
export class Payload {
  #bytes: Uint8Array | undefined
  #value: unknown
  #transfer: readonly Transferable[] | undefined
  #taken = false

  private constructor(bytes: Uint8Array | undefined, value: unknown, transfer?: readonly Transferable[]) {
    this.#bytes = bytes
    this.#value = value
    this.#transfer = transfer
  }

  /**
   * Packs `value` now.
   * @throws {InvalidOption} naming `at`, when it holds what cannot be cloned
   * @throws {RingmeshError} `TooLarge` when it does not fit into a message
   */
  static pack(value: unknown, at: string): Payload {
    return new Payload(packed(value, at), undefined)
  }

  /** What came from another peer. */
  static packed(bytes: Uint8Array): Payload {
    return new Payload(bytes, undefined)
  }

  /** A value that nobody else holds any more, and its parts that may be moved to a thread. */
  static owned(value: unknown, transfer: readonly Transferable[] = []): Payload {
    return new Payload(undefined, value, transfer)
  }

  /** The packed value. @throws as {@link pack}, for an owned value; and when it was moved away */
  bytes(at: string): Uint8Array {
    if (this.#taken) throw new InvalidOption(at, undefined, 'was transferred and is gone')
    this.#bytes ??= packed(this.#value, at)
    return this.#bytes
  }

  /** Bytes that are held; 0 while an owned value has not been packed. */
  get size(): number {
    return this.#bytes?.byteLength ?? 0
  }

  /** Whether the value was moved out for good, so that no further attempt can have it. */
  get taken(): boolean {
    return this.#taken
  }

  /** A value of the taker's own, and the parts of it that may be moved on. */
  take(): { value: unknown; transfer: readonly Transferable[] } {
    if (this.#bytes !== undefined) return { value: unpackValue(this.#bytes), transfer: [] }
    const taken = { value: this.#value, transfer: this.#transfer ?? [] }
    if (taken.transfer.length > 0) this.#taken = true
    return taken
  }

  /** Whether it should travel behind calls. */
  get isBulk(): boolean {
    return this.size > settings.bulkBytes
  }
}

/** A message less the most that an assignment may have besides its input. */
const longestValue = limits.messageBytes - 64 * 1024

function packed(value: unknown, at: string): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = packValue(value)
  } catch (error) {
    if (error instanceof RingmeshError) throw error
    const why = error instanceof Error ? `: ${error.message}` : ''
    throw new InvalidOption(at, value, `must be a value that can be cloned${why}`)
  }
  if (bytes.byteLength > longestValue) {
    throw new RingmeshError(
      'TooLarge',
      `${at}: ${bytes.byteLength} bytes are over the limit of ${longestValue} bytes`,
    )
  }
  return bytes
}
