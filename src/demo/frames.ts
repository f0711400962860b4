import { type ReadonlySignal, signal } from '@preact/signals'
import { type Fault, freezeFor, isFault, type WorkerFault } from './fault.js'
import type { FrameControl } from './frame.js'

/** Peers in one page: each is a thread, a dozen timers and a connection to every other peer. */
export const mostFrames = 8

/** Milliseconds that a frame may take to join. */
const joinTimeout = 45_000

/** A peer in a frame of this page. */
export interface FramePeer {
  readonly element: HTMLIFrameElement
  /** What this page may do to it; undefined until it has joined. */
  readonly control: FrameControl | undefined
  readonly isHidden: boolean
  readonly isCut: boolean
  readonly isFrozen: boolean
}

/** The peers that this page holds in frames: tabs that can be broken without breaking this one. */
export class Frames {
  readonly #list = signal<readonly FramePeer[]>([])
  readonly #host: HTMLElement
  /** Every peer that ever was in a frame here. */
  readonly #known = new Set<string>()

  /** @param host - the element that the frames are put into */
  constructor(host: HTMLElement) {
    this.#host = host
  }

  get list(): ReadonlySignal<readonly FramePeer[]> {
    return this.#list
  }

  of(id: string | undefined): FramePeer | undefined {
    return this.#list.value.find(({ control }) => control?.id === id)
  }

  /** Whether a peer is or was in a frame of this page. */
  knows(id: string): boolean {
    return this.#known.has(id)
  }

  /** Opens a frame; resolves with its peer's id once it has joined. */
  add({ hidden = false } = {}): Promise<string> {
    if (this.#list.value.length >= mostFrames)
      return Promise.reject(new Error(`a page holds ${mostFrames} frames`))
    const element = document.createElement('iframe')
    const parameters = new URLSearchParams(location.search)
    parameters.delete('tour')
    if (hidden) parameters.set('hidden', '')
    element.src = `frame.html?${parameters}`
    element.title = hidden ? 'A hidden peer' : 'A peer'
    element.tabIndex = -1
    this.#list.value = [
      ...this.#list.value,
      { element, control: undefined, isHidden: hidden, isCut: false, isFrozen: false },
    ]
    this.#host.append(element)
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        clearTimeout(bound)
        this.#remove(element)
        reject(new Error(why))
      }
      const bound = setTimeout(() => fail(`a frame did not join within ${joinTimeout / 1000} s`), joinTimeout)
      const listen = (): void => {
        const page = element.contentWindow
        const joined = (): void => {
          const control = page?.ringmeshFrame
          if (control === undefined) return
          clearTimeout(bound)
          this.#known.add(control.id)
          this.#change(element, { control })
          resolve(control.id)
        }
        page?.addEventListener('ringmesh:joined', joined)
        // Another page of the demo ordered it: done from here, so that this page knows.
        page?.addEventListener('ringmesh:ordered', (event) => {
          const { control } = this.#list.value.find((frame) => frame.element === element) ?? {}
          const { detail: fault } = event as CustomEvent<unknown>
          if (control === undefined || !isFault(fault)) return
          if (fault === 'crash-worker') void control.crashWorker()
          else if (fault === 'hang-worker') void control.hangWorker()
          else this.strike(fault, control.id)
        })
        page?.addEventListener('ringmesh:failed', () =>
          fail(page.document.body.textContent?.trim() ?? 'it failed'),
        )
        joined()
      }
      element.addEventListener('load', listen)
      element.addEventListener('error', () => fail('the page of a frame did not load'))
    })
  }

  /** Does a fault to the page of a frame. */
  strike(fault: Exclude<Fault, WorkerFault>, id: string): void {
    switch (fault) {
      case 'kill':
        this.#kill(id)
        break
      case 'freeze':
        this.#with(id, (control) => control.freeze(), { isFrozen: true })
        setTimeout(() => this.#with(id, (control) => control.thaw(), { isFrozen: false }), freezeFor)
        break
      case 'cut':
        this.#with(id, ({ peer }) => peer.chaos.cut('all'), { isCut: true })
        break
      case 'heal':
        this.#with(id, ({ peer }) => peer.chaos.heal(), { isCut: false })
        break
    }
  }

  hide(id: string): void {
    this.#with(id, (control) => control.hide(), { isHidden: true })
  }

  show(id: string): void {
    this.#with(id, (control) => control.show(), { isHidden: false })
  }

  /** Removes the frame: its page is gone in the middle of whatever it did, and says nothing to anybody. */
  #kill(id: string): void {
    const frame = this.of(id)
    if (frame === undefined) return
    frame.control?.silence()
    this.#remove(frame.element)
  }

  #with(id: string, act: (control: FrameControl) => void, change: Partial<FramePeer>): void {
    const frame = this.of(id)
    if (frame?.control === undefined) return
    act(frame.control)
    this.#change(frame.element, change)
  }

  #change(element: HTMLIFrameElement, change: Partial<FramePeer>): void {
    this.#list.value = this.#list.value.map((frame) =>
      frame.element === element ? { ...frame, ...change } : frame,
    )
  }

  #remove(element: HTMLIFrameElement): void {
    element.remove()
    this.#list.value = this.#list.value.filter((frame) => frame.element !== element)
  }
}
