import { type ChildAnswer, type ChildInfo, refused } from './child-info.js'
import { type CheckedChild, kindOf, type SupervisingWorld } from './child-spec.js'
import { ExitError, type ExitReason } from './exit.js'
import type { SystemInfo } from './gen-server.js'
import type { Process } from './process.js'
import { type ProcessRef, sameProcess } from './ref.js'
import { RestartIntensity } from './restart-intensity.js'
import { isRestarted } from './restart-rule.js'
import { SupervisingServer } from './supervising-server.js'

export interface DynamicSettings {
  readonly maxChildren: number
  readonly maxRestarts: number
  readonly maxSeconds: number
}

interface DynamicChild {
  readonly spec: CheckedChild
  process: Process | undefined
  /** What it was last; a child is asked for by its ref also while it is restarting. */
  ref: ProcessRef
  restarts: number
}

/** A request to a dynamic supervisor. */
export type DynamicRequest =
  | { readonly op: 'start'; readonly spec: CheckedChild }
  | { readonly op: 'terminate'; readonly ref: ProcessRef }

interface Retry {
  readonly type: 'retry'
  readonly child: DynamicChild
}

/** The process of a dynamic supervisor: any number of children, started on demand. After Elixir's DynamicSupervisor. */
export class DynamicServer extends SupervisingServer {
  readonly #settings: DynamicSettings
  readonly #intensity: RestartIntensity
  readonly #children = new Set<DynamicChild>()

  constructor(system: SupervisingWorld, settings: DynamicSettings) {
    super(system)
    this.#settings = settings
    this.#intensity = new RestartIntensity(system.runtime, settings.maxRestarts, settings.maxSeconds)
  }

  override init(): void {
    this.trapExit = true
  }

  override handleCall(request: DynamicRequest): Promise<ChildAnswer> {
    return request.op === 'start' ? this.#start(request.spec) : this.#terminate(request.ref)
  }

  /** Anybody may send anything: what is none of these is dropped. */
  override async handleInfo(message: SystemInfo | Retry | undefined | null): Promise<void> {
    if (message?.type === 'exit' && message.from) {
      const child = this.#find(message.from)
      if (child !== undefined) await this.#exited(child, message.reason)
    } else if (message?.type === 'retry' && this.#children.has(message.child))
      await this.#restart(message.child)
  }

  /** All at once, each with the time that its spec gives it. */
  override async terminate(): Promise<void> {
    await Promise.all([...this.#children].map((child) => this.#stop(child)))
  }

  children(): ChildInfo[] {
    return [...this.#children].map(({ ref, process, restarts, spec }) => ({
      id: ref.id,
      kind: kindOf(spec),
      state: process === undefined ? 'restarting' : 'running',
      restarts,
      ref: process?.ref,
    }))
  }

  async #start(spec: CheckedChild): Promise<ChildAnswer> {
    if (this.#children.size >= this.#settings.maxChildren) return { error: 'max_children' }
    const result = await this.launch(spec)
    if (result.kind === 'failed') return refused(result.reason)
    if (result.kind === 'ignored') return { ref: undefined }
    const { process } = result
    this.#children.add({ spec, process, ref: process.ref, restarts: 0 })
    return { ref: process.ref }
  }

  async #terminate(ref: ProcessRef): Promise<ChildAnswer> {
    const child = this.#find(ref)
    if (child === undefined) return { error: 'not_found' }
    await this.#stop(child)
    this.#children.delete(child)
    return { ref: undefined }
  }

  async #exited(child: DynamicChild, reason: ExitReason): Promise<void> {
    if (isRestarted(child.spec.restart, reason)) await this.#restart(child)
    else this.#children.delete(child)
  }

  async #restart(child: DynamicChild): Promise<void> {
    child.process = undefined
    if (!this.#intensity.count()) {
      this.#children.delete(child)
      this.system.runtime.log('error', 'a dynamic supervisor gives up: too many restarts')
      throw new ExitError({ type: 'shutdown', detail: 'too many restarts' })
    }
    const result = await this.launch(child.spec)
    if (result.kind === 'ok') {
      child.process = result.process
      child.ref = result.process.ref
      child.restarts++
    } else if (result.kind === 'ignored') this.#children.delete(child)
    else this.send(this.self, { type: 'retry', child } satisfies Retry)
  }

  async #stop({ process, spec }: DynamicChild): Promise<void> {
    if (process !== undefined) await this.end(process, spec)
  }

  #find(ref: ProcessRef): DynamicChild | undefined {
    for (const child of this.#children) if (sameProcess(child.ref, ref)) return child
    return undefined
  }
}
