import type { Cluster } from '../mesh/index.js'
import { Coordinator } from './coordinator.js'
import { DeadLetters } from './dead-letters.js'
import { DurableTasks } from './durable.js'
import type { DurableRecords } from './durable-record.js'
import { Aborted } from './errors.js'
import { receiveTasks, sendAssignment, sendReport } from './exchange.js'
import { Executor } from './executor.js'
import { Offers } from './offers.js'
import { OwnRuns } from './own-runs.js'
import { settings } from './settings.js'

/**
 * Both roles that every peer has, wired to each other and to the mesh: as coordinator it gives tasks to workers, as
 * executor it does those that it is given, by itself too. What is for itself does not go through the mesh.
 */
export class TaskPeer {
  readonly executor: Executor
  readonly coordinator: Coordinator
  readonly offers: Offers
  readonly deadLetters: DeadLetters
  readonly runs: OwnRuns
  readonly durable: DurableTasks | undefined
  readonly #cluster: Cluster
  readonly #offs: (() => void)[] = []

  constructor(cluster: Cluster, records: DurableRecords | undefined) {
    this.#cluster = cluster
    const { self, runtime } = cluster
    this.deadLetters = new DeadLetters(runtime)
    this.executor = new Executor(self, runtime, {
      report: (coordinator, report) => {
        if (coordinator !== self) return sendReport(cluster, coordinator, report)
        this.coordinator.reported(self, report)
        return true
      },
      renew: (coordinator, held) => {
        cluster.send(coordinator, {
          type: 'tasks.renew',
          held: held.map(([task, attempt]) => [task, attempt]),
        })
      },
    })
    this.coordinator = new Coordinator(cluster, {
      assign: (worker, assignment) => {
        if (worker !== self) return sendAssignment(cluster, worker, assignment)
        this.executor.assign(self, assignment)
        return true
      },
      abort: (worker, task, attempt) => {
        if (worker === self) this.executor.abort(self, task, attempt)
        else cluster.send(worker, { type: 'tasks.abort', task, attempt })
      },
      noted: (worker, tasks) => {
        cluster.send(worker, { type: 'tasks.noted', tasks: [...tasks] })
      },
      ask: () => this.offers.ask(),
      dead: ({ id, name, input, priority }, { remote, attempts, peer }) =>
        this.deadLetters.add({ id, name, input, priority, error: remote, attempts, peer }),
    })
    this.runs = new OwnRuns(runtime, this.coordinator, this.deadLetters)
    this.offers = new Offers(cluster, this.executor, this.coordinator)
    if (records !== undefined) this.durable = new DurableTasks(cluster, records, this.coordinator)
    this.#offs.push(
      receiveTasks(cluster, {
        coordinator: this.coordinator,
        executor: this.executor,
        offers: this.offers,
      }),
      cluster.on('up', ({ id }) => this.offers.met(id)),
      cluster.on('change', (member) => {
        this.coordinator.memberChanged(member)
        if (member.id === self && member.state === 'parked') this.executor.parked()
      }),
      cluster.on('down', ({ id }) => {
        this.offers.forget(id)
        this.executor.lost(id)
        this.coordinator.memberDown(id)
      }),
    )
    for (const member of cluster.members()) {
      this.coordinator.memberChanged(member)
      this.offers.owe(member.id)
    }
    cluster.onLeaving((done) => this.#drain(done))
  }

  /** Ends everything at once: callers get `Aborted`, handlers' signals fire. */
  close(): void {
    this.durable?.close()
    this.coordinator.close(new Aborted('this peer left the mesh'))
    this.executor.close()
    this.offers.close()
    for (const off of this.#offs) off()
  }

  /** Gives back what has not started, lets the rest come to its end here and elsewhere, and then is done. */
  #drain(done: () => void): void {
    let over = false
    const finish = () => {
      if (over) return
      over = true
      timer.cancel()
      done()
    }
    const timer = this.#cluster.runtime.timer(settings.drain, finish)
    this.durable?.leave()
    this.executor.leave()
    this.coordinator.whenIdle(() => this.executor.whenIdle(finish))
  }
}
