import { version } from '../../package.json'
import { RingmeshError } from '../errors/index.js'
import type { peerjs } from '../index.js'
import { peerServerOf } from '../links/adapters/peerjs-options.js'
import type { StandardWebSocket } from '../links/adapters/websocket-signaling.js'
import type { OpenSignaling, Signaling, SignalingEvents } from '../links/index.js'
import type { Runtime, Timer } from '../runtime/index.js'
import type { PeerId } from '../wire/index.js'

/** What the file beside the script tag exports. */
type PeerjsFile = typeof import('./peerjs.js')

const fileName = 'ringmesh.peerjs.js'

/** Milliseconds that the file may take to come; a third of what `join` waits for the room unless told otherwise. */
const patience = 15_000

/**
 * The `peerjs` of the public API, which loads its protocol when a page joins with it, and not otherwise.
 *
 * @param script - where the script tag came from: the file is beside it
 */
export function peerjsBeside(script: string | undefined): typeof peerjs {
  return (options) => {
    const address = {
      ...peerServerOf(options),
      WebSocket: globalThis.WebSocket as new (url: string) => StandardWebSocket,
    }
    return {
      open: (room, runtime) => (self, events) =>
        new PeerjsSignaling(runtime, script, events, (file) =>
          file.openPeerjs(address, room, runtime)(self, events),
        ),
    }
  }
}

/** Stands before the signalling that is being loaded. It is not connected yet, so it has nothing to carry. */
class PeerjsSignaling implements Signaling {
  readonly #events: SignalingEvents
  readonly #script: string | undefined
  readonly #timer: Timer
  #signaling: Signaling | undefined
  #isOver = false

  constructor(
    runtime: Runtime,
    script: string | undefined,
    events: SignalingEvents,
    open: (file: PeerjsFile) => ReturnType<OpenSignaling>,
  ) {
    this.#script = script
    this.#events = events
    this.#timer = runtime.timer(patience, () => this.#refuse(`no answer in ${patience / 1_000} s`))
    this.#load()
      .then((file) => {
        if (this.#isOver) return
        this.#timer.cancel()
        this.#signaling = open(file)
      })
      .catch((error: Error) => this.#refuse(error.message))
  }

  get connected(): boolean {
    return this.#signaling?.connected ?? false
  }

  get buffered(): number {
    return this.#signaling?.buffered ?? 0
  }

  sendOffer(to: PeerId, payload: Uint8Array): void {
    this.#signaling?.sendOffer(to, payload)
  }

  relay(to: PeerId, frame: Uint8Array): void {
    this.#signaling?.relay(to, frame)
  }

  close(clean: boolean): void {
    this.#isOver = true
    this.#timer.cancel()
    this.#signaling?.close(clean)
  }

  async #load(): Promise<PeerjsFile> {
    const file: PeerjsFile = await import(/* @vite-ignore */ new URL(fileName, this.#script).href)
    if (file.version !== version)
      throw new Error(`its version is ${file.version}, and that of the tag ${version}`)
    return file
  }

  #refuse(problem: string): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#timer.cancel()
    const text = `${fileName}, which peerjs() needs beside the script tag, did not load: ${problem}`
    this.#events.refused(new RingmeshError('SignalUnreachable', text))
  }
}
