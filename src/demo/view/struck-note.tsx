import { freezeFor } from '../fault.js'
import type { Struck } from '../struck.js'

/** Says what another page of the demo has done to this one, and offers the way back where there is one. */
export function StruckNote({ struck }: { struck: Struck }) {
  switch (struck.by.value) {
    case 'freeze':
      return (
        <aside class="caption" role="status" aria-label="Struck">
          <p>
            Another page froze this one for {freezeFor / 1000} s: its timers stand still, and nothing reaches
            it.
          </p>
        </aside>
      )
    case 'cut':
      return (
        <aside class="caption" role="status" aria-label="Struck" data-testid="cut-off">
          <p>
            Another page cut this one off: nothing reaches it or leaves it, so it takes the others for dead,
            and they it.
          </p>
          <button type="button" onClick={() => struck.heal()} data-testid="reconnect">
            Connect again
          </button>
        </aside>
      )
    default:
      return null
  }
}
