import { strikeCompute } from './compute-thread.js'
import { type Fault, faults } from './fault.js'
import { Freezer } from './freezer.js'
import { LastWords } from './last-words.js'
import { Neighbours } from './neighbours.js'
import { type Deeds, obey } from './orders.js'
import { type DemoPeer, startPeer } from './peer.js'

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

// A frame that goes with the page around it says goodbye as any tab does. One that is killed does not.
const lastWords = new LastWords(window)

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
      crashWorker: () => strikeCompute(peer.tree, 'crash'),
      hangWorker: () => strikeCompute(peer.tree, 'hang'),
      freeze: () => freezer.freeze(),
      thaw: () => freezer.thaw(),
      hide: () => turn(true),
      show: () => turn(false),
      silence: () => lastWords.hold(),
    }
    const ordered = (fault: Fault) => () =>
      window.dispatchEvent(new CustomEvent('ringmesh:ordered', { detail: fault }))
    const deeds: Deeds = Object.fromEntries(faults.map((fault) => [fault, ordered(fault)]))
    obey(peer.mesh, deeds)
    new Neighbours(peer.mesh.id, deeds)
    peer.reports.offer(faults)
    window.dispatchEvent(new Event('ringmesh:joined'))
  },
  (error: Error) => {
    state.textContent = `${error.name}: ${error.message}`
    window.dispatchEvent(new Event('ringmesh:failed'))
  },
)
