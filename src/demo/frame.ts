import { Freezer } from './freezer.js'
import { type DemoPeer, startPeer, strikeCompute } from './peer.js'

/** What the page around a frame may do to it: everything that can go wrong with a tab. */
export interface FrameControl {
  readonly id: string
  readonly peer: DemoPeer
  readonly isFrozen: boolean
  crashWorker(): Promise<string>
  hangWorker(): Promise<string>
  freeze(): void
  thaw(): void
  hide(): void
  show(): void
  /** Has the page say no goodbye when it goes: it is killed, not closed. */
  silence(): void
}

declare global {
  interface Window {
    /** In a frame: its peer, once it has joined. */
    ringmeshFrame?: FrameControl
  }
}

const freezer = new Freezer(window)
const parameters = new URLSearchParams(location.search)
let isHidden = parameters.has('hidden')

// A frame is as visible as the page around it. This one says of itself what a tab in the background says.
Object.defineProperty(document, 'visibilityState', { get: () => (isHidden ? 'hidden' : 'visible') })

// A frame that goes with the page around it says goodbye as any tab does. One that is killed does not: whoever
// listens after this listener hears nothing.
let isSilent = false
window.addEventListener(
  'pagehide',
  (event) => {
    if (isSilent) event.stopImmediatePropagation()
  },
  { capture: true },
)

function turn(hidden: boolean): void {
  isHidden = hidden
  document.dispatchEvent(new Event('visibilitychange'))
}

const state = document.getElementById('state') as HTMLElement

startPeer(parameters).then(
  (peer) => {
    state.textContent = peer.mesh.id.slice(0, 5)
    window.ringmeshFrame = {
      id: peer.mesh.id,
      peer,
      get isFrozen() {
        return freezer.isFrozen
      },
      crashWorker: () => strikeCompute(peer, 'crash'),
      hangWorker: () => strikeCompute(peer, 'hang'),
      freeze: () => freezer.freeze(),
      thaw: () => freezer.thaw(),
      hide: () => turn(true),
      show: () => turn(false),
      silence: () => {
        isSilent = true
      },
    }
    window.dispatchEvent(new Event('ringmesh:joined'))
  },
  (error: Error) => {
    state.textContent = `${error.name}: ${error.message}`
    window.dispatchEvent(new Event('ringmesh:failed'))
  },
)
