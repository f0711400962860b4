import type { AutoShutdown, Strategy } from '../child-spec.js'
import type { Restart } from '../restart-rule.js'

/** What a child's next start does. */
export type StartScript = 'ok' | 'fail' | 'ignore'

export interface ModelSpec {
  readonly id: string
  readonly restart: Restart
  readonly significant: boolean
  /** What its starts do, one after the other; all after these succeed. */
  readonly starts: readonly StartScript[]
}

interface ModelChild {
  readonly spec: ModelSpec
  /** `dead`: it has ended, and its supervisor has not seen to it yet. */
  state: 'running' | 'dead' | 'restarting' | 'stopped'
}

type Mail =
  | { readonly kind: 'exit'; readonly child: ModelChild; readonly isNormal: boolean }
  | { readonly kind: 'retry'; readonly child: ModelChild }

/** Milliseconds in which restarts are counted together. */
export const modelWindow = 5_000

/**
 * What a supervisor does, as Erlang/OTP 27's supervisor.erl says it: one step after the other, with
 * no processes. For tests that compare.
 */
export class SupervisorModel {
  readonly log: string[] = []
  over = false
  #children: ModelChild[] = []
  readonly #settings: { strategy: Strategy; autoShutdown: AutoShutdown; maxRestarts: number }
  readonly #scripts = new Map<string, StartScript[]>()
  readonly #mailbox: Mail[] = []
  #restarts: number[] = []
  #now = 0

  constructor(settings: { strategy: Strategy; autoShutdown: AutoShutdown; maxRestarts: number }) {
    this.#settings = settings
  }

  get states(): string[] {
    return this.#children.map(({ spec, state }) => `${spec.id} ${state}`)
  }

  /** @returns the child that failed, where one did */
  begin(specs: readonly ModelSpec[]): string | undefined {
    for (const spec of specs) {
      const child = this.#add(spec)
      const result = this.#launch(child)
      if (result === 'fail') {
        this.#remove(child)
        this.#end()
        return spec.id
      }
      if (result === 'ignore' && spec.restart === 'temporary') this.#remove(child)
    }
    return undefined
  }

  pass(milliseconds: number): void {
    this.#now += milliseconds
  }

  /** Children end, all before the supervisor sees to the first. */
  exits(ids: readonly string[], isNormal: boolean): void {
    for (const id of ids) {
      const child = this.#find(id)
      if (child?.state !== 'running') continue
      child.state = 'dead'
      if (isNormal) this.log.push(`-${id}`)
      this.#mailbox.push({ kind: 'exit', child, isNormal })
    }
    this.#settle()
  }

  start(spec: ModelSpec): string {
    const present = this.#find(spec.id)
    if (present !== undefined) return present.state === 'running' ? 'already_started' : 'already_present'
    const child = this.#add(spec)
    const result = this.#launch(child)
    if (result === 'fail' || (result === 'ignore' && spec.restart === 'temporary')) this.#remove(child)
    return result === 'fail' ? 'failed' : 'ok'
  }

  terminate(id: string): string {
    const child = this.#find(id)
    if (child === undefined) return 'not_found'
    this.#stop(child)
    return 'ok'
  }

  restart(id: string): string {
    const child = this.#find(id)
    if (child === undefined) return 'not_found'
    if (child.state !== 'stopped') return child.state
    return this.#launch(child) === 'fail' ? 'failed' : 'ok'
  }

  delete(id: string): string {
    const child = this.#find(id)
    if (child === undefined) return 'not_found'
    if (child.state !== 'stopped') return child.state
    this.#remove(child)
    return 'ok'
  }

  #settle(): void {
    for (let mail = this.#mailbox.shift(); mail !== undefined && !this.over; mail = this.#mailbox.shift()) {
      const { child } = mail
      if (!this.#children.includes(child)) continue
      if (mail.kind === 'retry') {
        if (child.state === 'restarting') this.#restart(child)
      } else if (child.state === 'dead') this.#exited(child, mail.isNormal)
    }
  }

  #exited(child: ModelChild, isNormal: boolean): void {
    const { restart, significant } = child.spec
    child.state = 'stopped'
    if (restart === 'permanent' || (restart === 'transient' && !isNormal)) {
      this.#restart(child)
      return
    }
    if (restart === 'temporary') this.#remove(child)
    const { autoShutdown } = this.#settings
    if (!significant || autoShutdown === 'never') return
    const isLast = !this.#children.some(({ spec, state }) => spec.significant && state !== 'stopped')
    if (autoShutdown === 'any_significant' || isLast) this.#end()
  }

  #restart(child: ModelChild): void {
    this.#restarts = [...this.#restarts.filter((time) => this.#now - time <= modelWindow), this.#now]
    if (this.#restarts.length > this.#settings.maxRestarts) {
      this.#remove(child)
      this.#end()
      return
    }
    const { strategy } = this.#settings
    const from = strategy === 'one_for_all' ? 0 : this.#children.indexOf(child)
    const group = strategy === 'one_for_one' ? [child] : this.#children.slice(from)
    for (const each of [...group].reverse()) this.#stop(each)
    for (const each of group) {
      if (!this.#children.includes(each)) continue
      const result = this.#launch(each)
      if (result !== 'fail') continue
      each.state = 'restarting'
      this.#mailbox.push({ kind: 'retry', child: each })
      return
    }
  }

  #launch(child: ModelChild): StartScript {
    const result = this.#scripts.get(child.spec.id)?.shift() ?? 'ok'
    if (result !== 'fail') this.log.push(`+${child.spec.id}`)
    child.state = result === 'ok' ? 'running' : 'stopped'
    return result
  }

  #stop(child: ModelChild): void {
    if (child.state === 'running') this.log.push(`-${child.spec.id}`)
    child.state = 'stopped'
    if (child.spec.restart === 'temporary') this.#remove(child)
  }

  #end(): void {
    for (const child of [...this.#children].reverse()) this.#stop(child)
    this.#children = []
    this.over = true
  }

  #add(spec: ModelSpec): ModelChild {
    const child: ModelChild = { spec, state: 'stopped' }
    this.#children.push(child)
    if (!this.#scripts.has(spec.id)) this.#scripts.set(spec.id, [...spec.starts])
    return child
  }

  #remove(child: ModelChild): void {
    this.#children = this.#children.filter((each) => each !== child)
  }

  #find(id: string): ModelChild | undefined {
    return this.#children.find(({ spec }) => spec.id === id)
  }
}
