/** A signal that is made when it is first asked for: most tasks never do, and making one costs as much as a short task. */
export class LazySignal {
  #controller: AbortController | undefined
  #reason: { readonly value: unknown } | undefined

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#reason !== undefined) this.#controller.abort(this.#reason.value)
    }
    return this.#controller.signal
  }

  abort(reason: unknown): void {
    if (this.#reason !== undefined) return
    this.#reason = { value: reason }
    this.#controller?.abort(reason)
  }
}
