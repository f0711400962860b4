import { BadFrame } from '../errors/index.js'
import type { Priority } from '../wire/index.js'
import { sessionSettings } from './session-settings.js'

interface Assembly {
  readonly total: number
  length: number
  readonly pieces: Uint8Array[]
}

/**
 * Puts long messages together again, at most one of each urgency at a time. It holds no more than
 * the pieces that came: what the first one says of the total reserves nothing.
 */
export class Inbox {
  readonly #assemblies = new Map<Priority, Assembly>()

  /**
   * Takes the next piece; gives the message when it was the last.
   *
   * @throws {BadFrame} when it does not continue what came before it
   */
  take(lane: Priority, total: number, offset: number, piece: Uint8Array): Uint8Array | undefined {
    let assembly = this.#assemblies.get(lane)
    if (assembly === undefined) {
      if (offset !== 0) throw new BadFrame('a piece without its beginning')
      assembly = { total, length: 0, pieces: [] }
    }
    const isLast = offset + piece.length === total
    if (assembly.total !== total || assembly.length !== offset || offset + piece.length > total)
      throw new BadFrame('a piece that does not fit')
    if (!isLast && piece.length < sessionSettings.leastPieceBytes)
      throw new BadFrame('a piece that is too small')
    assembly.pieces.push(piece)
    assembly.length += piece.length
    if (!isLast) {
      this.#assemblies.set(lane, assembly)
      return undefined
    }
    this.#assemblies.delete(lane)
    const message = new Uint8Array(total)
    let position = 0
    for (const part of assembly.pieces) {
      message.set(part, position)
      position += part.length
    }
    return message
  }

  clear(): void {
    this.#assemblies.clear()
  }
}
