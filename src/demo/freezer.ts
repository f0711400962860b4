type Callback = (...given: never[]) => unknown

/** Platform objects whose events reach a page from outside. */
const sources = ['WebSocket', 'RTCPeerConnection', 'RTCDataChannel', 'Worker', 'MessagePort'] as const

/**
 * Makes a page stand still as one that the browser froze, or a laptop whose lid was closed: its timers do not fire
 * and no event reaches it, and when it wakes all of them come at once while its clocks have gone on. A frame shares
 * its thread with the page around it, so the frame cannot be stopped otherwise without stopping both.
 *
 * It must be installed before anything sets a timer or a handler in that page.
 */
export class Freezer {
  readonly #cancelled = new Set<number>()
  readonly #setTimeout: typeof setTimeout
  #held: (() => void)[] | undefined

  constructor(page: Window & typeof globalThis) {
    this.#setTimeout = page.setTimeout.bind(page) as typeof setTimeout
    this.#holdTimers(page)
    for (const source of sources) {
      const prototype = (page[source] as { prototype: object } | undefined)?.prototype
      if (prototype !== undefined) this.#holdHandlers(prototype)
    }
  }

  get isFrozen(): boolean {
    return this.#held !== undefined
  }

  freeze(): void {
    this.#held ??= []
  }

  /** Freezes the page for some milliseconds. */
  freezeFor(time: number): void {
    this.freeze()
    this.#setTimeout(() => this.thaw(), time)
  }

  thaw(): void {
    const held = this.#held
    if (held === undefined) return
    // Each is a task of its own, as in a page that wakes; what comes meanwhile waits its turn.
    const next = (): void => {
      const work = held.shift()
      if (work === undefined) this.#held = undefined
      else {
        this.#setTimeout(next, 0)
        work()
      }
    }
    next()
  }

  #run(work: () => void): void {
    if (this.#held === undefined) work()
    else this.#held.push(work)
  }

  #holdTimers(page: Window & typeof globalThis): void {
    const { clearTimeout: clear } = page
    const set = this.#setTimeout
    page.setTimeout = ((callback: Callback, delay?: number, ...given: never[]) => {
      const handle = set(() => {
        this.#run(() => {
          if (!this.#cancelled.delete(handle)) callback(...given)
        })
      }, delay) as unknown as number
      return handle
    }) as unknown as typeof setTimeout
    page.clearTimeout = ((handle: number | undefined) => {
      clear.call(page, handle)
      // It may have fired into the frozen page already.
      if (handle !== undefined && this.#held !== undefined) this.#cancelled.add(handle)
    }) as typeof clearTimeout
  }

  #holdHandlers(prototype: object): void {
    const run = (work: () => void): void => this.#run(work)
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      const { get, set } = property
      if (!name.startsWith('on') || get === undefined || set === undefined) continue
      Object.defineProperty(prototype, name, {
        ...property,
        set(this: object, handler: unknown) {
          const held =
            typeof handler === 'function'
              ? function (this: object, event: Event) {
                  run(() => handler.call(this, event))
                }
              : handler
          set.call(this, held)
        },
      })
    }
  }
}
