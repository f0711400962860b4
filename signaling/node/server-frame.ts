/** Kinds of frames that a server sends by itself (RFC 6455, 5.2). */
export const opcodes = { text: 0x1, binary: 0x2, ping: 0x9, pong: 0xa } as const

/** Bytes of a payload up to which copying it behind its head costs less than a second piece to write. */
const longestCopied = 4 * 1024

/** A whole frame of a server, which masks nothing, as the pieces to be written one after the other. */
export function serverFrame(opcode: number, payload: Uint8Array): readonly Uint8Array[] {
  const { byteLength } = payload
  const head = byteLength > 0xffff ? 10 : byteLength > 125 ? 4 : 2
  const isCopied = byteLength <= longestCopied
  const frame = Buffer.allocUnsafe(isCopied ? head + byteLength : head)
  frame[0] = 0x80 | opcode
  if (head === 2) frame[1] = byteLength
  else if (head === 4) {
    frame[1] = 126
    frame.writeUInt16BE(byteLength, 2)
  } else {
    frame[1] = 127
    frame.writeUInt32BE(Math.floor(byteLength / 2 ** 32), 2)
    frame.writeUInt32BE(byteLength % 2 ** 32, 6)
  }
  if (!isCopied) return [frame, payload]
  frame.set(payload, head)
  return [frame]
}
