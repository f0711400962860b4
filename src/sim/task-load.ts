import { seededRandom } from '../runtime/index.js'
import type { MeshNode } from './mesh-node.js'
import type { MeshWorld } from './mesh-world.js'
import { type MeshRunOptions, runMeshScenario } from './run-mesh-scenario.js'
import type { Result, Scenario } from './scenario.js'

/** Milliseconds between two tasks that one page submits, on average. */
const period = 100

/** The part of the tasks that is enqueued and not run: few, as each takes several reads and writes of the sharded state. */
const durablePart = 0.05

/** The part of the tasks that takes longer than the lease of 15 s, and how long those and the others take, in milliseconds. */
const longPart = 0.002
const longTime = [16_000, 25_000] as const
const shortTime = [2, 60] as const

/** How often all pages are asked for one durable result until they agree, and the milliseconds between: a minute, as repair has. */
const checkTries = 20
const checkPause = 3_000

/** Stands for a record that a page does not find. */
const unknown = 'unknown'

/** What became of the tasks of one run of the simulator. */
export interface TaskReport {
  readonly result: Result
  readonly submitted: number
  readonly done: number
  /** Clear failures, by the name of the error. */
  readonly failed: Readonly<Record<string, number>>
  /** Tasks whose caller is gone, so that nobody waits for them. */
  readonly abandoned: number
  /** Runs that began although an earlier run of the same task had neither failed nor lost its page or its coordinator. */
  readonly reruns: number
  /**
   * Durable tasks of which a caller got another result than stayed, as each side of a split may have
   * while it lasts. Counted and not forbidden: of an eventual state more cannot be had.
   */
  readonly superseded: number
  /** Durable tasks whose record went with the pages that held it, several at once. */
  readonly forgotten: number
  /** What must never happen. */
  readonly violations: readonly string[]
}

interface Task {
  readonly n: number
  readonly caller: MeshNode
  /** Its id once it is in the sharded state; undefined for one that is run. */
  durable: string | undefined
  settled: boolean
}

/** One run of a task at some page. */
interface Run {
  readonly at: MeshNode
  readonly coordinator: string | undefined
}

/** What a task gives: its run too, as two results of one task would be alike but for that. */
interface Output {
  readonly value: number
  readonly run: string
}

/**
 * Runs the whole mesh with its faults while every page submits tasks by the hundred, and judges
 * them: every task whose caller lives ends with one right result or one clear failure, nothing is
 * recorded twice, and little runs again where nobody crashed.
 */
export async function runTaskScenario(
  scenario: Scenario,
  options: Pick<MeshRunOptions, 'progress'> = {},
): Promise<TaskReport> {
  const load = new TaskLoad(scenario)
  const result = await runMeshScenario(scenario, {
    ...options,
    onTrace: (node, event, details) => load.traced(node, event, details),
    begun: (world) => load.begin(world),
    isDone: () => load.isDone,
  })
  return load.report(result)
}

class TaskLoad {
  readonly #seed: number
  readonly #end: number
  readonly #tasks = new Map<number, Task>()
  readonly #runs = new Map<string, Run[]>()
  /** By task: which page last gave it to whom. */
  readonly #coordinators = new Map<string, string>()
  readonly #results = new Set<string>()
  readonly #failed = new Map<string, number>()
  readonly #violations: string[] = []
  /** Of each durable task that gave its caller a result, which run that was of. */
  readonly #durable = new Map<string, string>()
  #world: MeshWorld | undefined
  #submitted = 0
  #done = 0
  #reruns = 0
  #superseded = 0
  #forgotten = 0
  #isChecking = false
  #isChecked = false

  constructor({ seed, minutes }: Scenario) {
    this.#seed = seed
    this.#end = minutes * 60_000
  }

  begin(world: MeshWorld): void {
    this.#world = world
    world.onJoined = (node) => this.#join(world, node)
  }

  /** Whether every task that a living page waits for has ended, and every page was asked for the durable ones. */
  get isDone(): boolean {
    for (const { settled, caller } of this.#tasks.values()) {
      if (!settled && caller.page !== 'gone') return false
    }
    if (!this.#isChecking) {
      this.#isChecking = true
      this.#check(this.#world as MeshWorld)
    }
    return this.#isChecked
  }

  traced(node: string, event: string, [id]: readonly (string | number | boolean)[]): void {
    if (event === 'tasks.assign') this.#coordinators.set(String(id), node)
    if (event !== 'tasks.result') return
    // A durable task may have a dispatcher on either side of a split; which result counts is a matter of the record.
    const result = `${node}/${id}`
    if (this.#results.has(result) && !result.includes('#')) this.#violations.push(`${result} has two results`)
    this.#results.add(result)
  }

  report(result: Result): TaskReport {
    const open = [...this.#tasks.values()].filter(({ settled }) => !settled)
    const lost = open.filter(({ caller }) => caller.page !== 'gone')
    if (result.failure === undefined && lost.length > 0)
      this.#violations.push(`${lost.length} tasks were lost: ${lost.map(({ n }) => n)}`)
    return {
      result,
      submitted: this.#submitted,
      done: this.#done,
      failed: Object.fromEntries(this.#failed),
      abandoned: open.length - lost.length,
      reruns: this.#reruns,
      superseded: this.#superseded,
      forgotten: this.#forgotten,
      violations: this.#violations,
    }
  }

  #join(world: MeshWorld, node: MeshNode): void {
    const chance = seededRandom(`${this.#seed}/tasks/${node.name}`)
    const between = ([low, high]: readonly [number, number]): number => low + chance() * (high - low)
    node.tasks.define(
      'load',
      async ({ n, took }: { n: number; took: number }, { id }): Promise<Output> => {
        const run = this.#started(id, node)
        await new Promise<void>((resolve) => node.runtime.timer(took, resolve))
        return { value: n * 3, run }
      },
      { concurrency: 8 },
    )
    const submit = (): void => {
      node.runtime.timer(period * (0.5 + chance()), () => {
        if (node.page === 'gone' || node.page === 'leaving' || world.time.now > this.#end) return
        const took = between(chance() < longPart ? longTime : shortTime)
        this.#submit(node, took, chance() < durablePart)
        submit()
      })
    }
    submit()
  }

  #submit(caller: MeshNode, took: number, isDurable: boolean): void {
    const n = this.#submitted++
    const task: Task = { n, caller, durable: undefined, settled: false }
    this.#tasks.set(n, task)
    const input = { n, took }
    const output = isDurable
      ? caller.tasks.enqueue('load', input).then((id) => {
          task.durable = id
          return caller.tasks.result<Output>(id)
        })
      : caller.tasks.run<Output>('load', input)
    output.then(
      ({ value, run }) => {
        if (caller.page === 'gone') return
        task.settled = true
        this.#done++
        if (value !== n * 3) this.#violations.push(`task ${n} of ${caller.name} gave ${value}`)
        this.#tasks.delete(n)
        if (task.durable !== undefined) this.#durable.set(task.durable, run)
      },
      (error: Error) => {
        if (caller.page === 'gone') return
        task.settled = true
        this.#tasks.delete(n)
        this.#failed.set(error.name, (this.#failed.get(error.name) ?? 0) + 1)
      },
    )
  }

  /** Once all is over, the record of a durable task has one result, whoever asks. */
  async #check(world: MeshWorld): Promise<void> {
    for (const [id, run] of this.#durable) {
      let runs = await this.#recorded(world, id)
      // Copies that were lost with their pages may still be on their way to the new owners.
      for (let tries = 1; runs.size > 1 && tries < checkTries; tries++) {
        await new Promise<void>((resolve) => world.time.timer(checkPause, resolve))
        runs = await this.#recorded(world, id)
      }
      if (runs.size > 1) this.#violations.push(`${id} was recorded as ${[...runs].join(' and as ')}`)
      else if (runs.size === 0) this.#forgotten++
      else if (runs.has(unknown)) this.#violations.push(`the record of ${id} was lost`)
      else if (!runs.has(run)) this.#superseded++
    }
    this.#isChecked = true
  }

  /** Of which run the result is, as each page has it; none where the copies may have gone with their pages. */
  async #recorded(world: MeshWorld, id: string): Promise<Set<string>> {
    const nodes = world.living().filter(({ page }) => page === 'shown')
    const answers = nodes.map(({ tasks }) =>
      tasks.result<Output>(id, { timeout: checkPause }).then(
        ({ run }) => run,
        (error: Error) => (error.name === 'InvalidOption' ? unknown : error.name),
      ),
    )
    const runs = new Set(await Promise.all(answers))
    // A page that has read it once remembers it when the copies are gone.
    if (world.departures.mayHaveTakenLastCopies) runs.delete(unknown)
    return runs
  }

  #started(id: string, at: MeshNode): string {
    const runs = this.#runs.get(id) ?? []
    this.#runs.set(id, runs)
    const last = runs.at(-1)
    if (last !== undefined && last.at.page !== 'gone' && !this.#isGone(last.coordinator)) this.#reruns++
    runs.push({ at, coordinator: this.#coordinators.get(id) })
    return `${id}/${runs.length}`
  }

  #isGone(name: string | undefined): boolean {
    return this.#world?.nodes.find((node) => node.name === name)?.page === 'gone'
  }
}
