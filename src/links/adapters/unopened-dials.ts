import type { PeerId } from '../../wire/index.js'
import type { DialedLink, OpenDirect } from '../direct-link.js'

/** Direct links that have not opened yet, so that one that never will can be ended before its time-out. */
export class UnopenedDials {
  readonly #links = new Map<PeerId, DialedLink>()

  /** Makes a link, and keeps it until it opens or closes. */
  dial(
    open: OpenDirect,
    ...[remote, initiator, iceServers, signal, events, dial]: Parameters<OpenDirect>
  ): DialedLink {
    const over = (): void => {
      if (this.#links.get(remote) === link) this.#links.delete(remote)
    }
    const around = {
      open: () => {
        over()
        events.open()
      },
      frame: (bytes: Uint8Array) => events.frame(bytes),
      drain: () => events.drain(),
      trouble: () => events.trouble(),
      close: (reason: string) => {
        over()
        events.close(reason)
      },
    }
    const link = open(remote, initiator, iceServers, signal, around, dial)
    this.#links.set(remote, link)
    return link
  }

  /** Closes the link to `remote`, if it has not opened. */
  end(remote: PeerId, reason: string): void {
    this.#links.get(remote)?.close(reason)
  }
}
