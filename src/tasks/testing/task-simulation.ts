// biome-ignore lint/style/noRestrictedImports: a test's network, and not part of the product
import { type FakeNetwork, fakeClusters } from '../../mesh/testing/fake-cluster.js'
import { type Runtime, seededRandom, VirtualTime } from '../../runtime/index.js'
import { asRecord } from '../durable-record.js'
import { TaskService } from '../service.js'
import { SharedRecords } from './shared-records.js'

export type TaskFault = 'crash' | 'freeze' | 'partition' | 'leave' | 'suspect' | 'park' | 'join'

export interface TaskSimulationPlan {
  readonly peers?: number
  readonly tasks?: number
  /** Milliseconds over which tasks are submitted and faults happen. */
  readonly during?: number
  /** How many of them happen, each of a kind drawn from `faults`. */
  readonly faultCount?: number
  readonly faults?: readonly TaskFault[]
  /** The part of the tasks that takes longer than a lease. */
  readonly long?: number
  /** The part of the tasks that is aborted while under way. */
  readonly aborted?: number
  /** The part of the tasks that is enqueued instead of run. */
  readonly durable?: number
}

export interface TaskSimulationReport {
  readonly tasks: number
  readonly done: number
  /** Runs that were started although an earlier run of the same task had not failed. */
  readonly reruns: number
  readonly crashes: number
  readonly violations: readonly string[]
}

/** The longest that a task may take to settle once all faults are over. */
const patience = 120_000

/**
 * One short life of a mesh, with tasks and faults drawn from a seed: a phase in which faults
 * happen, then one without, in which everything must come to its end. What must hold is checked
 * throughout.
 */
export async function simulateTasks(
  seed: string | number,
  plan: TaskSimulationPlan = {},
): Promise<TaskSimulationReport> {
  return new TaskSimulation(seed, plan).run()
}

class TaskSimulation {
  readonly #random: () => number
  readonly #time: VirtualTime
  readonly #net: FakeNetwork
  readonly #records = new SharedRecords()
  readonly #services = new Map<string, TaskService>()
  readonly #violations: string[] = []
  readonly #plan: Required<TaskSimulationPlan>
  /** By coordinator and id: who has the task now, as its coordinator said. */
  readonly #held = new Map<string, { peer: string; attempt: number } | undefined>()
  readonly #recorded = new Set<string>()
  /** By input: runs that were started, and those that failed on purpose. */
  readonly #runs = new Map<number, { started: number; failed: number }>()
  /** Tasks that have not settled, and who called. */
  readonly #open = new Map<number, { readonly caller: string; readonly durable: boolean }>()
  #done = 0
  #crashes = 0
  #joined = 0

  constructor(seed: string | number, plan: TaskSimulationPlan) {
    this.#random = seededRandom(`tasks/${seed}`)
    this.#plan = {
      peers: 3 + Math.floor(this.#random() * 4),
      tasks: 60,
      during: 20_000,
      faultCount: 2,
      faults: ['crash', 'freeze', 'partition', 'leave', 'suspect', 'park', 'join'],
      long: 0.03,
      aborted: 0.1,
      durable: 0.2,
      ...plan,
    }
    this.#time = new VirtualTime(seed)
    const ids = Array.from({ length: this.#plan.peers }, (_, index) => `p${index}`)
    this.#net = fakeClusters(this.#time, ids, {
      delay: () => 2 + Math.floor(this.#random() * 40),
      encode: false,
    })
    for (const id of ids) this.#start(id)
    this.#records.onWrite = (key, before, after) => {
      const [old, next] = [asRecord(before), asRecord(after)]
      if (old?.state === 'done' && old !== after && next?.output !== old.output) {
        this.#violations.push(`${key} was recorded twice`)
      }
    }
  }

  async run(): Promise<TaskSimulationReport> {
    const { tasks, during, faultCount, faults } = this.#plan
    for (let input = 0; input < tasks; input++) this.#at(this.#draw(during), () => this.#submit(input))
    for (let count = 0; count < faultCount; count++) {
      const fault = faults[Math.floor(this.#random() * faults.length)] as TaskFault
      this.#at(this.#draw(during), () => this.#break(fault))
    }
    await this.#time.advanceAsync(during)
    this.#net.heal()
    const end = this.#time.now + patience
    while (this.#unsettled > 0 && this.#time.now < end) await this.#time.advanceAsync(500)
    if (this.#unsettled > 0) {
      this.#violations.push(`tasks were lost: ${[...this.#open.keys()]}, ${this.#unsettled} in all`)
    }
    // The last abort may still be under way to its worker.
    await this.#time.advanceAsync(30_000)
    this.#checkNothingLeft()
    let reruns = 0
    for (const { started, failed } of this.#runs.values()) reruns += Math.max(0, started - failed - 1)
    return { tasks, done: this.#done, reruns, crashes: this.#crashes, violations: this.#violations }
  }

  /** Tasks whose caller waits, and durable ones whose caller may be gone. */
  get #unsettled(): number {
    let queued = 0
    for (const value of this.#records.table.values()) if (asRecord(value)?.state === 'queued') queued++
    return this.#open.size + queued
  }

  #start(id: string): void {
    const cluster = this.#net.clusters.find(({ self }) => self === id) ?? this.#net.join(id)
    const { trace: _, ...rest } = cluster.runtime
    const runtime: Runtime = { ...rest, trace: (event, ...details) => this.#traced(id, event, details) }
    Object.defineProperty(cluster, 'runtime', { value: runtime })
    const service = new TaskService({ cluster, records: this.#records.view(runtime) })
    this.#services.set(id, service)
    service.define('work', (input: WorkInput) => this.#work(runtime, input), {
      concurrency: 1 + Math.floor(this.#random() * 2),
    })
  }

  async #work(runtime: Runtime, { n, took, fails }: WorkInput): Promise<number> {
    const runs = this.#runs.get(n) ?? { started: 0, failed: 0 }
    this.#runs.set(n, runs)
    const run = ++runs.started
    await new Promise<void>((resolve) => runtime.timer(took, resolve))
    if (run <= fails) {
      runs.failed++
      throw new Error('on purpose')
    }
    return n * n
  }

  #submit(n: number): void {
    const { long, aborted, durable } = this.#plan
    const running = this.#net.running.filter(({ own }) => own === 'alive')
    const at = running[Math.floor(this.#random() * running.length)]
    const took = this.#random() < long ? 16_000 + this.#draw(10_000) : 5 + this.#draw(200)
    const fails = this.#random() < 0.05 ? 1 : 0
    const input: WorkInput = { n, took, fails }
    const isDurable = this.#random() < durable
    const isAborted = this.#random() < aborted
    const abort = new AbortController()
    if (at === undefined) return
    const service = this.#services.get(at.self) as TaskService
    this.#open.set(n, { caller: at.self, durable: isDurable })
    const result = isDurable
      ? service.enqueue('work', input).then((id) => service.result<number>(id))
      : service.run<number>('work', input, isAborted ? { signal: abort.signal } : {})
    if (isAborted && !isDurable) this.#at(this.#draw(took * 2), () => abort.abort())
    result.then(
      (value) => {
        if (value !== n * n) this.#violations.push(`task ${n} gave ${value}`)
        this.#done++
        this.#open.delete(n)
      },
      (error: Error) => {
        const expected =
          error.name === 'Aborted' ||
          (error.name === 'NoWorkers' && !isDurable) ||
          (error.name === 'TaskFailed' && this.#plan.faultCount > 3)
        if (!expected) this.#violations.push(`task ${n} failed: ${error.name} ${error.message}`)
        this.#open.delete(n)
      },
    )
  }

  #break(fault: TaskFault): void {
    const alive = this.#net.running.filter(({ own }) => own === 'alive')
    const target = alive[Math.floor(this.#random() * alive.length)]
    if (target === undefined) return
    const { self } = target
    switch (fault) {
      case 'crash':
        if (alive.length < 3) return
        this.#crashes++
        this.#net.crash(self)
        // A task whose caller is gone has nobody to settle for.
        for (const [n, { caller }] of this.#open) if (caller === self) this.#open.delete(n)
        return
      case 'leave':
        if (alive.length >= 3) this.#net.leave(self, () => this.#left(self))
        return
      case 'freeze':
        this.#net.freeze(self, 2_000 + this.#draw(38_000))
        return
      case 'suspect':
        this.#net.suspect(
          self,
          this.#net.running.map((one) => one.self),
          500 + this.#draw(3_000),
        )
        return
      case 'park':
        this.#net.park(self)
        this.#at(this.#draw(10_000), () => target.own === 'parked' && this.#net.unpark(self))
        return
      case 'join':
        this.#start(`j${this.#joined++}`)
        return
      case 'partition': {
        const cut = 1 + Math.floor(this.#random() * (alive.length - 1))
        const ids = alive.map((one) => one.self)
        this.#net.partition([ids.slice(0, cut), ids.slice(cut)])
        this.#at(this.#draw(12_000), () => this.#net.heal())
      }
    }
  }

  #left(peer: string): void {
    this.#services.get(peer)?.close()
    // An `enqueue` under way waits for a state that does not answer this peer any more.
    for (const [n, { caller, durable }] of this.#open) {
      if (caller === peer && durable) this.#open.delete(n)
    }
  }

  #traced(coordinator: string, event: string, details: readonly (string | number | boolean)[]): void {
    const [task, peer, attempt] = details as [string, string, number]
    // On both sides of a cut, a durable task has a coordinator of its own.
    const id = `${coordinator}/${task}`
    if (event === 'tasks.assign') this.#held.set(id, { peer, attempt })
    else if (event === 'tasks.lost') this.#held.set(id, undefined)
    else if (event === 'tasks.result') {
      const held = this.#held.get(id)
      if (held?.peer !== peer || held.attempt !== attempt) {
        this.#violations.push(`the result of ${id} came from ${peer}/${attempt}, which did not hold it`)
      }
      const durable = id.includes('#')
      if (!durable && this.#recorded.has(id)) this.#violations.push(`${id} has two results`)
      this.#recorded.add(id)
    }
  }

  #checkNothingLeft(): void {
    for (const { self } of this.#net.running) {
      const { queued, placed, running, waiting } = this.#services.get(self)?.stats() ?? {}
      if (queued || placed || running || waiting) {
        this.#violations.push(`${self} has left: ${JSON.stringify({ queued, placed, running, waiting })}`)
      }
    }
  }

  #at(delay: number, fire: () => unknown): void {
    this.#time.timer(delay, fire)
  }

  #draw(below: number): number {
    return Math.floor(this.#random() * below)
  }
}

interface WorkInput {
  readonly n: number
  readonly took: number
  readonly fails: number
}
