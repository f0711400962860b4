type Listener = (...given: unknown[]) => void

/**
 * What simple-peer needs of a stream when nobody reads or writes it as one. Links take frames from its data channel
 * and send on it (src/links/adapters/rtc.ts), so the stream itself stays empty: of Node's streams, 20 KB of a script
 * tag, the events are what is left.
 */
export class Duplex {
  readonly _readableState = { ended: false }
  readonly _writableState = { finished: false }
  readonly #listeners = new Map<string, Listener[]>()

  on(event: string, listener: Listener): this {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), listener])
    return this
  }

  once(event: string, listener: Listener): this {
    const once: Listener = (...given) => {
      this.removeListener(event, once)
      listener(...given)
    }
    return this.on(event, once)
  }

  removeListener(event: string, listener: Listener): this {
    const left = this.#listeners.get(event)?.filter((each) => each !== listener) ?? []
    if (left.length > 0) this.#listeners.set(event, left)
    else this.#listeners.delete(event)
    return this
  }

  /** As Node's: an error that nobody listens for is thrown. */
  emit(event: string, ...given: unknown[]): boolean {
    const listeners = this.#listeners.get(event) ?? []
    if (event === 'error' && listeners.length === 0) throw given[0]
    for (const listener of listeners) listener(...given)
    return listeners.length > 0
  }

  /** The end of what could be read. Frames do not come this way. */
  push(chunk: unknown): boolean {
    if (chunk !== null) throw new TypeError('frames are taken from the data channel, not from the stream')
    this._readableState.ended = true
    return false
  }

  /** The end of what could be written. */
  end(): void {
    this._writableState.finished = true
  }
}

/** simple-peer takes the package whole. */
export default { Duplex }
