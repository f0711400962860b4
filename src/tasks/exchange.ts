import type { Cluster } from '../mesh/index.js'
import type { PeerId } from '../wire/index.js'
import type { Assignment, Report } from './assignment.js'
import type { Coordinator } from './coordinator.js'
import type { Executor } from './executor.js'
import type { Offers } from './offers.js'
import { Payload } from './payload.js'
import { settings } from './settings.js'
import { describeThrown, fromLinks, toLinks } from './thrown.js'

/** Brings an assignment to a worker over the wire. @throws {InvalidOption} when its input cannot be packed */
export function sendAssignment(cluster: Cluster, worker: PeerId, assignment: Assignment): boolean {
  const { input, id, ...rest } = assignment
  const bytes = input.bytes(`input of ${assignment.name}`)
  return cluster.send(worker, {
    type: bytes.byteLength > settings.bulkBytes ? 'tasks.load' : 'tasks.assign',
    ...rest,
    id: id === `${cluster.self}.${rest.task}` ? '' : id,
    input: bytes,
  })
}

/** Brings a report to a coordinator over the wire. */
export function sendReport(cluster: Cluster, coordinator: PeerId, report: Report): boolean {
  const { task, attempt } = report
  switch (report.kind) {
    case 'done': {
      const { credit, took } = report
      let value: Uint8Array
      try {
        value = report.output.bytes('result')
      } catch (error) {
        const errors = toLinks(describeThrown(error))
        return cluster.send(coordinator, { type: 'tasks.failed', task, attempt, credit, took, errors })
      }
      const type = value.byteLength > settings.bulkBytes ? 'tasks.yield' : 'tasks.done'
      return cluster.send(coordinator, { type, task, attempt, credit, took, value })
    }
    case 'failed': {
      const { credit, took, thrown } = report
      return cluster.send(coordinator, {
        type: 'tasks.failed',
        task,
        attempt,
        credit,
        took,
        errors: toLinks(thrown),
      })
    }
    case 'returned': {
      const tasks = [{ task, attempt, credit: report.credit }]
      return cluster.send(coordinator, { type: 'tasks.returned', tasks, reason: report.reason })
    }
    case 'progress':
      return cluster.send(coordinator, {
        type: 'tasks.progress',
        task,
        attempt,
        value: report.value.bytes('progress'),
      })
  }
}

/** Takes in all that peers say to each other about tasks. Returns the way back. */
export function receiveTasks(
  cluster: Cluster,
  { coordinator, executor, offers }: { coordinator: Coordinator; executor: Executor; offers: Offers },
): () => void {
  const assign = (
    { task, attempt, epoch, id, name, priority, run, progress, input }: WireAssignment,
    from: PeerId,
  ) =>
    executor.assign(from, {
      task,
      attempt,
      epoch,
      id: id === '' ? `${from}.${task}` : id,
      name,
      priority,
      run,
      progress,
      input: Payload.packed(input),
    })
  const done = ({ task, attempt, credit, took, value }: WireResult, from: PeerId) =>
    coordinator.reported(from, { kind: 'done', task, attempt, credit, took, output: Payload.packed(value) })
  const offs = [
    cluster.receive('tasks.offer', (message, from) => offers.heard(from, message)),
    cluster.receive('tasks.ask', (_, from) => offers.owe(from)),
    cluster.receive('tasks.assign', assign),
    cluster.receive('tasks.load', assign),
    cluster.receive('tasks.abort', ({ task, attempt }, from) => executor.abort(from, task, attempt)),
    cluster.receive('tasks.noted', ({ tasks }, from) => executor.noted(from, tasks)),
    cluster.receive('tasks.done', done),
    cluster.receive('tasks.yield', done),
    cluster.receive('tasks.failed', ({ task, attempt, credit, took, errors }, from) =>
      coordinator.reported(from, { kind: 'failed', task, attempt, credit, took, thrown: fromLinks(errors) }),
    ),
    cluster.receive('tasks.returned', ({ tasks, reason }, from) => {
      for (const { task, attempt, credit } of tasks) {
        coordinator.reported(from, { kind: 'returned', task, attempt, credit, reason })
      }
    }),
    cluster.receive('tasks.renew', ({ held }, from) => coordinator.renewed(from, held)),
    cluster.receive('tasks.progress', ({ task, attempt, value }, from) =>
      coordinator.reported(from, { kind: 'progress', task, attempt, value: Payload.packed(value) }),
    ),
  ]
  return () => {
    for (const off of offs) off()
  }
}

type WireAssignment = Omit<Assignment, 'input'> & { readonly input: Uint8Array }
interface WireResult {
  readonly task: number
  readonly attempt: number
  readonly credit: number
  readonly took: number
  readonly value: Uint8Array
}
