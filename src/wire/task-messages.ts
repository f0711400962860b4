import * as v from 'valibot'
import { defineMessage, priorities } from './message.js'

const { control, call, bulk } = priorities

/** A packed value; the limit of a message bounds it further. */
const packed = v.custom<Uint8Array>(
  (value) => value instanceof Uint8Array && value.byteLength <= 8 * 1024 * 1024,
  'must be at most 8 MiB of bytes',
)
const taskName = v.pipe(v.string(), v.minLength(1), v.maxLength(256))
const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER))
const slots = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_536))
const span = v.pipe(v.number(), v.finite(), v.minValue(0))
const recordId = v.pipe(v.string(), v.maxLength(1024))

/** Which task, by the number that its coordinator gave it, and which assignment of it. */
const fence = { task: count, attempt: count }

/** An error and its causes, outermost first; twice what `src/tasks` keeps, so that a sender may grow. */
const errors = v.pipe(
  v.array(
    v.strictObject({
      name: v.pipe(v.string(), v.maxLength(512)),
      message: v.pipe(v.string(), v.maxLength(16_384)),
      stack: v.pipe(v.string(), v.maxLength(16_384)),
    }),
  ),
  v.minLength(1),
  v.maxLength(16),
)

const assignment = {
  ...fence,
  /** Who may assign this task: raised when another peer takes its queue over. */
  epoch: count,
  /** The id that the handler sees; empty where it is made of the coordinator's id and the number. */
  id: recordId,
  name: taskName,
  priority: v.picklist(['high', 'normal', 'low']),
  /** Which run this is for the handler, from 1; assignments that were returned unstarted do not count. */
  run: count,
  /** Whether anybody listens to progress. */
  progress: v.boolean(),
  input: packed,
}

const result = {
  ...fence,
  /** Tasks of this name that the coordinator may have here from now on. */
  credit: slots,
  /** Milliseconds that the handler took. */
  took: span,
  value: packed,
}

/**
 * Of tasks: a coordinator is the peer that hands a task out and records its result, a worker one
 * that defined its name.
 */
export const taskMessages = [
  /** What I have defined, all of it; replaces what I said before with a lower revision. */
  defineMessage(64, 'tasks.offer', control, {
    revision: count,
    tasks: v.pipe(
      v.array(
        v.strictObject({
          name: taskName,
          concurrency: slots,
          credit: slots,
          weight: v.pipe(v.number(), v.finite(), v.minValue(0.001), v.maxValue(1000)),
        }),
      ),
      v.maxLength(1024),
    ),
  }),
  /** I have work or may have: send me your offer. */
  defineMessage(65, 'tasks.ask', control, {}),
  /** Run this. */
  defineMessage(66, 'tasks.assign', call, assignment),
  /** Run this; for inputs so long that they must not hold up calls. */
  defineMessage(67, 'tasks.load', bulk, assignment),
  /** It is done; said again until it is noted. */
  defineMessage(68, 'tasks.done', call, result),
  /** It is done, with a value so long that it must not hold up calls. */
  defineMessage(69, 'tasks.yield', bulk, result),
  /** It threw; said again until it is noted. */
  defineMessage(70, 'tasks.failed', call, { ...fence, credit: slots, took: span, errors }),
  /** I have not started these, or stopped them as you asked, and will not: they are yours again. */
  defineMessage(71, 'tasks.returned', call, {
    tasks: v.pipe(v.array(v.strictObject({ ...fence, credit: slots })), v.maxLength(4096)),
    reason: v.picklist(['unknown', 'busy', 'parked', 'leaving', 'aborted', 'stale']),
  }),
  /** I am here and hold these of yours, task and attempt: their leases begin anew, or you tell me to stop. */
  defineMessage(72, 'tasks.renew', control, {
    held: v.pipe(v.array(v.tuple([count, count])), v.maxLength(4096)),
  }),
  /** What the handler told of its progress. */
  defineMessage(73, 'tasks.progress', call, { ...fence, value: packed }),
  /** Nobody waits for this any more. */
  defineMessage(74, 'tasks.abort', call, fence),
  /** I have these results, or do not want them: forget them. */
  defineMessage(75, 'tasks.noted', control, { tasks: v.pipe(v.array(count), v.maxLength(4096)) }),
  /** To the owner of a durable queue: there is a new record in it. */
  defineMessage(76, 'tasks.queued', control, { name: taskName, record: recordId }),
  /** A request to the dispatcher before me: the queue is mine now; what have you under way? */
  defineMessage(77, 'tasks.handover', control, { name: taskName, epoch: count }),
  /** The answer: I dispatch nothing more of it, and bring these to their end. */
  defineMessage(78, 'tasks.handed', control, { records: v.pipe(v.array(recordId), v.maxLength(4096)) }),
] as const
