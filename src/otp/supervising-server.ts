import type { ChildInfo } from './child-info.js'
import type { CheckedChild, SupervisingWorld } from './child-spec.js'
import { stopChild } from './child-stop.js'
import { GenServer } from './gen-server.js'
import type { Process } from './process.js'
import type { StartResult } from './server-world.js'

/** What the processes of all supervisors have in common. */
export abstract class SupervisingServer extends GenServer {
  protected readonly system: SupervisingWorld

  constructor(system: SupervisingWorld) {
    super()
    this.system = system
  }

  /** In the order of their starts. */
  abstract children(): ChildInfo[]

  /** Starts a child, linked to this supervisor. */
  protected launch(spec: CheckedChild): Promise<StartResult> {
    return new Promise((resolve) => this.system.launchChild(this.#process, spec, resolve))
  }

  /** Ends a child as its spec says; resolves when it has ended. */
  protected end(process: Process, spec: CheckedChild): Promise<void> {
    return new Promise((resolve) =>
      stopChild(this.system.runtime, this.#process, process, spec.shutdown, () => resolve()),
    )
  }

  get #process(): Process {
    return this.system.processOf(this.self)
  }
}
