import { sessionSettings as settings } from './session-settings.js'

/** Messages that want a link now and need neither a number nor an acknowledgement: those of membership. */
export class LooseMessages {
  #waiting: Uint8Array[] = []
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0
  }

  /** False when it was dropped: too many wait. */
  push(message: Uint8Array): boolean {
    if (this.#bytes > (settings.laneBytes[0] as number)) return false
    this.#waiting.push(message)
    this.#bytes += message.length
    return true
  }

  /** Takes out as many as ride in one frame; at least one, where any waits. */
  take(): Uint8Array[] {
    const messages: Uint8Array[] = []
    for (let bytes = 0; this.#waiting.length > 0; ) {
      bytes += (this.#waiting[0] as Uint8Array).length
      if (messages.length > 0 && bytes > settings.looseFrameBytes) break
      messages.push(this.#waiting.shift() as Uint8Array)
    }
    for (const message of messages) this.#bytes -= message.length
    return messages
  }

  clear(): void {
    this.#waiting = []
    this.#bytes = 0
  }
}
