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
      const begun = this.#head
      if (begun === undefined) frames++
      // Nearly every head comes whole: it is read where it stands, as a view of it would be garbage with every frame.
      const head =
        begun === undefined
          ? chunk
          : Buffer.concat([begun, chunk.subarray(at, at + longestHead - begun.byteLength)])
      const from = begun === undefined ? at : 0
      const length = lengthOfHead(head, from)
      if (from + length > head.byteLength) {
        this.#head = Buffer.from(head.subarray(from))
        return { end: chunk.byteLength, frames }
      }
      this.#head = undefined
      this.#left = lengthOfPayload(head, from)
      at += length - (begun?.byteLength ?? 0)
    }
    return { end: at, frames }
  }
}

/** As far as it is known; more than there is of the head, while it is not whole. */
function lengthOfHead(bytes: Buffer, from: number): number {
  const second = bytes[from + 1]
  if (second === undefined) return 2
  const mask = (second & 0x80) === 0 ? 0 : 4
  const short = second & 0x7f
  return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + mask
}

function lengthOfPayload(bytes: Buffer, from: number): number {
  const short = (bytes[from + 1] as number) & 0x7f
  if (short === 126) return bytes.readUInt16BE(from + 2)
  return short === 127 ? Number(bytes.readBigUInt64BE(from + 2)) : short
}
