/**
 * An encoded message, in one stretch of memory or two: a long last field stays where its owner has
 * it until it is copied into a frame. Fresh memory for 16 KiB costs more than all else that is done
 * with them (50 µs of 70 in a profile of bulk between two tabs).
 */
export class EncodedMessage {
  readonly #head: Uint8Array
  readonly #body: Uint8Array
  /** Bytes in all. */
  readonly length: number

  /** @param body - follows `head`; must not change until the message was sent */
  constructor(head: Uint8Array, body: Uint8Array = noBytes) {
    this.#head = head
    this.#body = body
    this.length = head.length + body.length
  }

  /** All of it in one stretch. */
  whole(): Uint8Array {
    if (this.#body.length === 0) return this.#head
    const bytes = new Uint8Array(this.length)
    this.copyTo(bytes, 0, 0, this.length)
    return bytes
  }

  /** Copies the bytes from `start` up to `end` into `target` at `at`. */
  copyTo(target: Uint8Array, at: number, start: number, end: number): void {
    const inHead = this.#head.length
    if (start < inHead) target.set(stretch(this.#head, start, Math.min(end, inHead)), at)
    if (end > inHead) {
      const from = Math.max(0, start - inHead)
      target.set(stretch(this.#body, from, end - inHead), at + inHead + from - start)
    }
  }
}

const noBytes = new Uint8Array(0)

function stretch(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end)
}
