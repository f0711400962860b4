import { GenServer, type SystemInfo } from '../gen-server.js'

/** Does what it is given, and keeps what the system tells it. */
export class Actor extends GenServer {
  readonly told: SystemInfo[] = []
  override init(given: { actor?: Actor }) {
    given.actor = this
  }
  override handleCast(act: (actor: Actor) => void) {
    act(this)
  }
  override handleInfo(message: SystemInfo) {
    this.told.push(message)
  }
}
