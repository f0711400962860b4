/** Bytes of the longest head of a client's frame: 2, 8 of length, 4 of the mask (RFC 6455, 5.2). */
const longestHead = 14

/** What has come of the frame that a stream is in the middle of. */
export class FrameHeads {
  /** Bytes of its payload that are still to come. */
  #left = 0
  /** Its head, where only a part of it has come. */
  #head: Buffer | undefined

  /** Whether the stream is between two frames, so that nothing need be remembered of it. */
  get isBetween(): boolean {
    return this.#left === 0 && this.#head === undefined
  }

  /**
   * Reads on over at most `most` frames and answers how far that is, and how many frames began on the way: the
   * same however the stream is cut into chunks. What is no frame of a client's is passed over like one; the parser
   * behind ends that socket.
   */
  read(chunk: Buffer, most: number): { readonly end: number; readonly frames: number } {
    let at = 0
    let frames = 0
    while (at < chunk.byteLength) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, chunk.byteLength - at)
        this.#left -= taken
        at += taken
        continue
      }
      if (this.#head === undefined && frames === most) break
      const before = this.#head?.byteLength ?? 0
      if (before === 0) frames++
      const more = chunk.subarray(at, at + longestHead - before)
      const head = this.#head === undefined ? more : Buffer.concat([this.#head, more])
      const length = lengthOfHead(head)
      if (length > head.byteLength) {
        this.#head = Buffer.from(head)
        return { end: chunk.byteLength, frames }
      }
      this.#head = undefined
      this.#left = lengthOfPayload(head)
      at += length - before
    }
    return { end: at, frames }
  }
}

/** As far as it is known; more than there is of the head, while it is not whole. */
function lengthOfHead(head: Buffer): number {
  const second = head[1]
  if (second === undefined) return 2
  const mask = (second & 0x80) === 0 ? 0 : 4
  const short = second & 0x7f
  return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + mask
}

function lengthOfPayload(head: Buffer): number {
  const short = (head[1] as number) & 0x7f
  if (short === 126) return head.readUInt16BE(2)
  return short === 127 ? Number(head.readBigUInt64BE(2)) : short
}
