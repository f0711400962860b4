import { sessionSettings } from '../session-settings.js'

/** Frames kept: a greeting, its retries, and what was sent on the strength of an answer. */
const mostFrames = 256
/** Bytes kept: no session has more under way. */
const mostBytes = sessionSettings.windowBytes

/** What the other end of a channel sends before this one has found it open. */
export class EarlyFrames {
  #frames: Uint8Array[] = []
  #bytes = 0

  keep(frame: Uint8Array): void {
    if (this.#frames.length >= mostFrames || this.#bytes + frame.length > mostBytes) return
    this.#frames.push(frame)
    this.#bytes += frame.length
  }

  /** Gives all of it, once. */
  take(): readonly Uint8Array[] {
    const frames = this.#frames
    this.#frames = []
    this.#bytes = 0
    return frames
  }
}
