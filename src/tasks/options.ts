import * as v from 'valibot'
import { checkOptions, InvalidOption } from '../errors/index.js'
import { type TaskPriority, taskPriorities } from './priority-queue.js'
import { settings } from './settings.js'

/** Options of `define`. */
export interface DefineOptions {
  /** How many of its tasks may run here at a time. Default 1: a function of the page is one thread. */
  concurrency?: number
  /** Share of the turns, relative to other peers. Default: the peer's weight in the mesh. */
  weight?: number
}

/** Options of `defineInWorker`. */
export interface WorkerDefineOptions {
  /** How many threads. Default: as many as the machine has cores, less one for the page. */
  pool?: number
  /** Share of the turns, relative to other peers. Default: the peer's weight in the mesh. */
  weight?: number
}

/** Options of one task. */
export interface RunOptions {
  /** Milliseconds from the call to its end, waiting and retries included; then `Timeout`. Default 5 minutes. */
  timeout?: number
  /** How often a task that failed or was lost with its worker is tried again. Default 4: five attempts. */
  retries?: number
  /** Ends the task with `Aborted`; the handler's own signal fires. */
  signal?: AbortSignal
  /** Receives what the handler passes to `progress`. */
  onProgress?: (value: unknown) => void
  /**
   * Idempotency key: while a task with this name and key is under way, and for ten minutes after
   * it was done, a second call gets the same result and runs nothing.
   */
  key?: string
  /** `high` comes before `normal` before `low`; none starves. Default `normal`. */
  priority?: TaskPriority
  /**
   * Parts of the input (such as an `ArrayBuffer`) that are moved, not copied, if the task runs in
   * a thread of this page. The caller must not use them any more. A moved input cannot be tried again.
   */
  transfer?: readonly Transferable[]
}

/** Options of `enqueue`. */
export interface EnqueueOptions {
  /** How often it is tried again when it fails or is lost with its worker. Default 4: five attempts. */
  retries?: number
  /** Default `normal`. */
  priority?: TaskPriority
  /** Idempotency key: in the whole mesh there is one task of this name and key; its id follows from them. */
  key?: string
}

/** Options of `result`. */
export interface ResultOptions {
  /** Milliseconds to wait; then `Timeout`, and the task goes on. Default 5 minutes. */
  timeout?: number
  /** Ends the wait, and not the task. */
  signal?: AbortSignal
}

/** Options of `map`. */
export interface MapOptions extends Omit<RunOptions, 'key' | 'transfer' | 'onProgress'> {
  /** Yield results in the order of the inputs; otherwise as they finish. Default false. */
  ordered?: boolean
  /** How many inputs may be taken and not yet yielded. Default: twice the credit of all workers, 8 to 1,024. */
  inFlight?: number
}

/** Text with half of a surrogate pair cannot be told as UTF-8. */
function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}

export const taskName = v.pipe(
  v.string('must be a string'),
  v.minLength(1, 'must not be empty'),
  v.maxLength(256, 'must have at most 256 characters'),
  v.excludes('\0', 'must not contain U+0000'),
  v.check(isWellFormed, 'must be well-formed text'),
)

const whole = (least: number, most: number) =>
  v.optional(
    v.pipe(
      v.number(`must be a whole number from ${least} to ${most}`),
      v.integer(`must be a whole number from ${least} to ${most}`),
      v.minValue(least, `must be a whole number from ${least} to ${most}`),
      v.maxValue(most, `must be a whole number from ${least} to ${most}`),
    ),
  )

const weight = v.optional(
  v.pipe(
    v.number('must be a number from 0.001 to 1000'),
    v.minValue(settings.leastWeight, 'must be a number from 0.001 to 1000'),
    v.maxValue(1000, 'must be a number from 0.001 to 1000'),
  ),
)

/** A grant is a multiple of it and must fit the wire's bound. */
const concurrency = whole(1, 1024)

const common = {
  timeout: v.optional(
    v.pipe(
      v.number('must be a positive number of milliseconds'),
      v.gtValue(0, 'must be a positive number of milliseconds'),
      v.maxValue(settings.longestTimeout, `must be at most ${settings.longestTimeout}`),
    ),
  ),
  retries: whole(0, 100),
  signal: v.optional(v.instance(AbortSignal, 'must be an AbortSignal')),
  priority: v.optional(v.picklist(taskPriorities, `must be one of ${taskPriorities.join(', ')}`)),
}

const key = v.optional(
  v.pipe(
    v.string('must be a string'),
    v.minLength(1, 'must not be empty'),
    v.maxLength(512, 'must have at most 512 characters'),
    v.check(isWellFormed, 'must be well-formed text'),
  ),
)

const defineSchema = v.strictObject({ concurrency, weight }, 'must be an object')
const workerDefineSchema = v.strictObject({ pool: concurrency, weight }, 'must be an object')
const runSchema = v.strictObject(
  {
    ...common,
    onProgress: v.optional(v.function('must be a function')),
    key,
    transfer: v.optional(v.array(v.any(), 'must be an array of transferable objects')),
  },
  'must be an object',
)
const enqueueSchema = v.strictObject(
  { retries: common.retries, priority: common.priority, key },
  'must be an object',
)
const resultSchema = v.strictObject({ timeout: common.timeout, signal: common.signal }, 'must be an object')
const mapSchema = v.strictObject(
  { ...common, ordered: v.optional(v.boolean('must be true or false')), inFlight: whole(1, 1024) },
  'must be an object',
)

const none = {}

export function checkName(name: unknown, at: string): string {
  return checkOptions(taskName, name, at)
}

export function checkDefine(options: DefineOptions | undefined, at: string): DefineOptions {
  return options === undefined ? none : (checkOptions(defineSchema, options, at) as DefineOptions)
}

export function checkWorkerDefine(options: WorkerDefineOptions | undefined, at: string): WorkerDefineOptions {
  return options === undefined ? none : (checkOptions(workerDefineSchema, options, at) as WorkerDefineOptions)
}

/** A call without options is not checked: small tasks come by the ten thousand. */
export function checkRun(options: RunOptions | undefined): RunOptions {
  return options === undefined ? none : (checkOptions(runSchema, options, 'run') as RunOptions)
}

export function checkEnqueue(options: EnqueueOptions | undefined): EnqueueOptions {
  return options === undefined ? none : (checkOptions(enqueueSchema, options, 'enqueue') as EnqueueOptions)
}

export function checkResult(options: ResultOptions | undefined): ResultOptions {
  return options === undefined ? none : (checkOptions(resultSchema, options, 'result') as ResultOptions)
}

export function checkMap(options: MapOptions | undefined): MapOptions {
  return options === undefined ? none : (checkOptions(mapSchema, options, 'map') as MapOptions)
}

/** @throws {InvalidOption} */
export function checkFunction(value: unknown, at: string): void {
  if (typeof value !== 'function') throw new InvalidOption(at, value, 'must be a function')
}

/** @throws {InvalidOption} where `map` cannot take its inputs from it */
export function checkIterable(inputs: unknown): void {
  const iterable =
    typeof inputs === 'string' ||
    (typeof inputs === 'object' &&
      inputs !== null &&
      (Symbol.iterator in inputs || Symbol.asyncIterator in inputs))
  if (!iterable) throw new InvalidOption('map.inputs', inputs, 'must be an iterable or async iterable')
}
