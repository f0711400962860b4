import { isPlanted } from '../runtime/index.js'
import { backoffDelay } from './backoff.js'
import { type ChildAnswer, type ChildInfo, refused } from './child-info.js'
import { type CheckedChild, type CheckedSupervisor, kindOf, type SupervisingWorld } from './child-spec.js'
import { ExitError, type ExitReason, shutdown } from './exit.js'
import type { SystemInfo } from './gen-server.js'
import { sameProcess } from './ref.js'
import { RestartIntensity } from './restart-intensity.js'
import { isRestarted, lostItsName } from './restart-rule.js'
import type { StartResult } from './server-world.js'
import { type Child, infoOf, newChild } from './supervised-child.js'
import { SupervisingServer } from './supervising-server.js'

export type SupervisorRequest =
  | { readonly op: 'start'; readonly spec: CheckedChild }
  | { readonly op: 'terminate' | 'restart' | 'delete'; readonly id: string }

/** Sent by the supervisor to itself: time to try a restart again. */
interface Retry {
  readonly type: 'retry'
  readonly child: Child
  /** The failed try before this one counts as a restart of its own. */
  readonly counts: boolean
}

/** How the exit of a child ends its supervisor. */
const giveUp = new ExitError({ type: 'shutdown', detail: 'too many restarts' })

/** The process of a supervisor; `Supervisor` is its public handle. After OTP's supervisor.erl. */
export class SupervisorServer extends SupervisingServer {
  readonly #spec: CheckedSupervisor
  readonly #intensity: RestartIntensity
  /** Only for the planted bug that counts each child by itself. */
  readonly #wrongIntensities = new Map<Child, RestartIntensity>()
  /** In the order of their starts. */
  #children: Child[] = []

  constructor(system: SupervisingWorld, spec: CheckedSupervisor) {
    super(system)
    this.#spec = spec
    this.#intensity = new RestartIntensity(system.runtime, spec.maxRestarts, spec.maxSeconds)
  }

  override async init(): Promise<void> {
    this.trapExit = true
    for (const spec of this.#spec.children) {
      const child = newChild(spec)
      this.#children.push(child)
      const result = await this.#launch(child)
      if (result.kind === 'failed') {
        this.#children.pop()
        await this.#stopAll(this.#children)
        const { reason } = result
        throw new ExitError({ type: 'shutdown', detail: { failedToStart: spec.id, reason } })
      }
      if (result.kind === 'ignored' && spec.restart === 'temporary') this.#remove(child)
    }
  }

  override async handleCall(request: SupervisorRequest): Promise<ChildAnswer> {
    if (request.op === 'start') return this.#startChild(request.spec)
    const child = this.#children.find((each) => each.spec.id === request.id)
    if (child === undefined) return { error: 'not_found' }
    switch (request.op) {
      case 'terminate':
        await this.#terminateChild(child)
        if (child.spec.restart === 'temporary') this.#remove(child)
        return { ref: undefined }
      case 'restart':
        return this.#restartStopped(child)
      case 'delete':
        if (child.state !== 'stopped') return { error: child.state }
        this.#remove(child)
        return { ref: undefined }
    }
  }

  /** Anybody may send anything: what is none of these is dropped. */
  override async handleInfo(message: SystemInfo | Retry | undefined | null): Promise<void> {
    if (message?.type === 'exit' && message.from) {
      const { from, reason } = message
      const child = this.#children.find(
        ({ process }) => process !== undefined && sameProcess(process.ref, from),
      )
      if (child !== undefined) await this.#exited(child, reason)
    } else if (message?.type === 'retry') {
      const { child } = message
      if (!this.#children.includes(child)) return
      child.retry = undefined
      if (child.state !== 'restarting') return
      if (message.counts) await this.#restart(child)
      else {
        const isWanted = (each: Child): boolean => child.quarantined || each.state !== 'stopped'
        await this.#restartNow(child, this.#group(child).filter(isWanted))
      }
    }
  }

  override async terminate(): Promise<void> {
    for (const { retry } of this.#children) retry?.cancel()
    await this.#stopAll(this.#children)
  }

  children(): ChildInfo[] {
    return this.#children.map(infoOf)
  }

  async #startChild(spec: CheckedChild): Promise<ChildAnswer> {
    const present = this.#children.find((child) => child.spec.id === spec.id)
    if (present !== undefined) {
      return present.process === undefined
        ? { error: present.state === 'restarting' ? 'restarting' : 'already_present' }
        : { error: 'already_started', ref: present.process.ref }
    }
    const child = newChild(spec)
    const result = await this.#launch(child)
    if (result.kind === 'failed') return refused(result.reason)
    if (result.kind === 'ok' || spec.restart !== 'temporary') this.#children.push(child)
    return { ref: child.process?.ref }
  }

  async #restartStopped(child: Child): Promise<ChildAnswer> {
    if (child.state !== 'stopped') return { error: child.state }
    const result = await this.#launch(child)
    if (result.kind === 'failed') return refused(result.reason)
    return { ref: child.process?.ref }
  }

  async #terminateChild(child: Child): Promise<void> {
    const hasWaited = child.state === 'restarting'
    await this.#stop(child)
    // Those that were to be started again with it would wait for ever.
    if (!hasWaited || this.#children.some(({ retry }) => retry !== undefined)) return
    const next = this.#group(child).find(({ state }) => state === 'restarting')
    if (next !== undefined) this.#retryIn(next, 0, false)
  }

  async #exited(child: Child, reason: ExitReason): Promise<void> {
    child.process = undefined
    child.state = 'stopped'
    const { restart, id } = child.spec
    if (lostItsName(reason)) {
      if (restart === 'temporary') this.#remove(child)
      return
    }
    if (isRestarted(restart, reason)) {
      this.system.runtime.log('warn', `child ${id} ended and is started again`, { reason })
      if (this.#quarantines(child, reason)) return
      await this.#restart(child)
      return
    }
    if (restart === 'temporary') this.#remove(child)
    this.#autoShutdown(child)
  }

  #autoShutdown(child: Child): void {
    if (!child.spec.significant) return
    const { autoShutdown } = this.#spec
    const others = this.#children.some((other) => other.spec.significant && other.state !== 'stopped')
    if (autoShutdown === 'any_significant' || (autoShutdown === 'all_significant' && !others)) {
      this.stop(shutdown)
    }
  }

  /** A child ended that shall run: count it, and start it again now or after its backoff. */
  async #restart(child: Child): Promise<void> {
    const intensity = isPlanted('restart-counted-per-child') ? this.#intensityOf(child) : this.#intensity
    if (!intensity.count()) {
      this.#remove(child)
      this.system.runtime.log('error', `a supervisor gives up: too many restarts of ${child.spec.id}`)
      throw giveUp
    }
    const { backoff } = this.#spec
    if (backoff === undefined) {
      await this.#restartNow(child)
      return
    }
    const { runtime } = this.system
    if (runtime.now() - child.startedAt >= backoff.max) child.attempt = 0
    await this.#stopAll(this.#group(child))
    for (const each of this.#group(child)) each.state = 'restarting'
    this.#retryIn(child, backoffDelay(backoff, child.attempt++, runtime), false)
  }

  async #restartNow(child: Child, group = this.#group(child)): Promise<void> {
    await this.#stopAll(group)
    for (const each of group.filter((each) => this.#children.includes(each))) {
      const result = await this.#launch(each)
      if (result.kind === 'failed') {
        this.system.runtime.log('warn', `child ${each.spec.id} could not be started again`, {
          reason: result.reason,
        })
        each.state = 'restarting'
        this.#retryIn(each, 0, true)
        return
      }
      each.restarts++
    }
  }

  #retryIn(child: Child, delay: number, counts: boolean): void {
    child.retry?.cancel()
    const retry: Retry = { type: 'retry', child, counts }
    child.retry = undefined
    if (delay === 0) this.send(this.self, retry)
    else child.retry = this.system.runtime.timer(delay, () => this.send(this.self, retry))
  }

  /** Those that are restarted when `child` is, by the strategy, in the order of their starts. */
  #group(child: Child): Child[] {
    switch (this.#spec.strategy) {
      case 'one_for_one':
        return [child]
      case 'rest_for_one':
        return this.#children.slice(this.#children.indexOf(child))
      case 'one_for_all':
        return [...this.#children]
    }
  }

  /** In reverse, one at a time, as OTP stops; temporary children are forgotten on the way. */
  async #stopAll(children: readonly Child[]): Promise<void> {
    for (const child of [...children].reverse()) {
      await this.#stop(child)
      if (child.spec.restart === 'temporary') this.#remove(child)
    }
  }

  async #stop(child: Child): Promise<void> {
    child.retry?.cancel()
    child.retry = undefined
    if (child.process !== undefined) await this.end(child.process, child.spec)
    child.process = undefined
    child.state = 'stopped'
  }

  async #launch(child: Child): Promise<StartResult> {
    const result = await this.launch(child.spec)
    if (result.kind === 'ok') {
      child.process = result.process
      child.state = 'running'
      child.startedAt = this.system.runtime.now()
      child.quarantined = false
    } else {
      child.process = undefined
      child.state = 'stopped'
    }
    return result
  }

  /** A nested supervisor that gives up again and again rests alone, where that was asked for. */
  #quarantines(child: Child, reason: ExitReason): boolean {
    const { quarantine } = this.#spec
    if (quarantine === undefined || kindOf(child.spec) !== 'supervisor' || reason.type !== 'shutdown')
      return false
    const { runtime } = this.system
    const now = runtime.now()
    child.escalations = child.escalations.filter((time) => now - time <= quarantine.maxSeconds * 1000)
    child.escalations.push(now)
    if (child.escalations.length < quarantine.escalations) return false
    child.escalations = []
    child.quarantined = true
    child.state = 'restarting'
    this.#retryIn(child, Math.max(1, quarantine.release), false)
    runtime.log('error', `supervisor ${child.spec.id} gave up too often and is left to rest`, {
      milliseconds: quarantine.release,
    })
    return true
  }

  #intensityOf(child: Child): RestartIntensity {
    const known = this.#wrongIntensities.get(child)
    if (known !== undefined) return known
    const fresh = new RestartIntensity(this.system.runtime, this.#spec.maxRestarts, this.#spec.maxSeconds)
    this.#wrongIntensities.set(child, fresh)
    return fresh
  }

  #remove(child: Child): void {
    this.#children = this.#children.filter((each) => each !== child)
  }
}
