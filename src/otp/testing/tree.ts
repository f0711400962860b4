import type { ChildSpec, SupervisorSpec } from '../child-spec.js'
import { GenServer } from '../gen-server.js'
import { Supervisor } from '../supervisor.js'
import { World } from './world.js'

/** Writes its starts and ends into a common log. */
export class Child extends GenServer {
  #id = ''
  #log: string[] = []
  override init({ id, log, init, trap = true }: ChildArgs) {
    this.#id = id
    this.#log = log
    this.trapExit = trap
    const given = init?.()
    log.push(`+${id}`)
    return given
  }
  override handleCall(request: unknown) {
    if (typeof request === 'function') return request(this)
    return request
  }
  override terminate() {
    this.#log.push(`-${this.#id}`)
  }
}
interface ChildArgs {
  id: string
  log: string[]
  init?: () => unknown
  trap?: boolean
}

/** A world with supervisors of children that write down when they start and end. */
export class Setting {
  readonly world = new World()
  readonly log: string[] = []

  child(id: string, more: Partial<ChildSpec> & { init?: () => unknown; trap?: boolean } = {}): ChildSpec {
    const { init, trap, ...spec } = more
    const args: ChildArgs = {
      id,
      log: this.log,
      ...(init ? { init } : {}),
      ...(trap === undefined ? {} : { trap }),
    }
    return { id, start: [Child, args], name: id, ...spec } as ChildSpec
  }

  tree(children: ChildSpec[], spec: Omit<SupervisorSpec, 'children'> = {}): Promise<Supervisor> {
    return this.world.until(Supervisor.start(this.world.system, { ...spec, children }))
  }

  /** Kills a child by its name, and lets its supervisor act. */
  async kill(name: string, reason: unknown = 'killed'): Promise<void> {
    this.world.system.exit(name, reason)
    await this.world.pass()
  }

  /** Has a child end itself with `reason`. */
  async end(name: string, reason: unknown): Promise<void> {
    this.world.system.call(name, (server: GenServer) => server.stop(reason)).catch(() => {})
    await this.world.pass()
  }

  states(tree: Supervisor): string[] {
    return tree.children().map(({ id, state }) => `${id} ${state}`)
  }
}

/** An `init` that throws. */
export const fails = () => {
  throw new Error('init failed')
}

/** An `init` that works at first, and then does as told. */
export const once = (then: () => unknown) => {
  let starts = 0
  return () => (starts++ === 0 ? undefined : then())
}
