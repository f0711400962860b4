import * as v from 'valibot'
import { checkOptions, InvalidOption } from '../errors/index.js'
import {
  type AutoShutdown,
  type CheckedChild,
  type CheckedSupervisor,
  type CheckedWorker,
  isLauncher,
  type Launcher,
  type SupervisorSpec,
} from './child-spec.js'
import { GenServer, type GenServerClass } from './gen-server.js'
import { isViaName, type ViaName } from './ref.js'

const name = v.pipe(
  v.string('must be a string'),
  v.minLength(1, 'must not be empty'),
  v.maxLength(1024, 'must be at most 1,024 characters long'),
)
const whole = (expected: string) => v.pipe(v.number(expected), v.integer(expected), v.minValue(0, expected))
const milliseconds = v.pipe(
  v.number('must be a number of milliseconds'),
  v.minValue(0, 'must be a number of milliseconds, 0 or more'),
)

/** A number of things: whole, `least` or more, or Infinity. */
export const countFrom = (least: number) =>
  v.pipe(
    v.number(`must be a whole number, ${least} or more`),
    v.check(
      (count) => count === Number.POSITIVE_INFINITY || Number.isInteger(count),
      'must be a whole number',
    ),
    v.minValue(least, `must be ${least} or more`),
  )

const seconds = v.pipe(
  v.number('must be a number of seconds'),
  v.finite('must be finite'),
  v.gtValue(0, 'must be above 0'),
)

/** How often children may be started again before their supervisor gives up; common to all supervisors. */
export const intensityOptions = {
  maxRestarts: v.optional(whole('must be a whole number, 0 or more'), 3),
  maxSeconds: v.optional(seconds, 5),
}

const wait = v.pipe(
  v.number('must be a number of milliseconds'),
  v.finite('must be finite'),
  v.minValue(1, 'must be 1 ms or more'),
)
const backoff = v.pipe(
  v.strictObject({ first: wait, max: wait }),
  v.check(({ first, max }) => first <= max, 'must have a max that is not below first'),
)

const restart = v.picklist(
  ['permanent', 'transient', 'temporary'],
  "must be 'permanent', 'transient' or 'temporary'",
)
const shutdownTime = v.union(
  [milliseconds, v.literal('brutal_kill')],
  "must be a number of milliseconds, Infinity or 'brutal_kill'",
)

const serverClass = v.custom<GenServerClass>(
  (given) => typeof given === 'function' && given.prototype instanceof GenServer,
  'must be a class that extends GenServer',
)
const startTuple = v.custom<readonly [GenServerClass, unknown?]>(
  (given) =>
    Array.isArray(given) && (given.length === 1 || given.length === 2) && v.is(serverClass, given[0]),
  'must be [a class that extends GenServer, its arguments] or worker(…)',
)
/** What a child runs: a class and its arguments, or a launcher. */
export const childStart = v.union(
  [startTuple, v.custom<Launcher>(isLauncher)],
  'must be [a class that extends GenServer, its arguments] or worker(…)',
)

const common = {
  id: name,
  restart: v.optional(restart, 'permanent'),
  significant: v.optional(v.boolean('must be true or false'), false),
}
const workerSpec = v.strictObject({
  ...common,
  start: childStart,
  name: v.optional(v.union([name, v.custom<ViaName>(isViaName)], 'must be a name, or via(…) of a registry')),
  shutdown: v.optional(shutdownTime),
  timeout: v.optional(milliseconds),
})
const nestedSpec = v.strictObject({
  ...common,
  supervisor: v.custom<SupervisorSpec>(
    (given) => typeof given === 'object' && given !== null,
    'must be the spec of a supervisor',
  ),
  shutdown: v.optional(shutdownTime, Number.POSITIVE_INFINITY),
})

/** Who is restarted with a child. */
export const strategy = v.optional(
  v.picklist(
    ['one_for_one', 'one_for_all', 'rest_for_one'],
    "must be 'one_for_one', 'one_for_all' or 'rest_for_one'",
  ),
  'one_for_one',
)

const supervisorSpec = v.strictObject({
  strategy,
  ...intensityOptions,
  autoShutdown: v.optional(
    v.picklist(
      ['never', 'any_significant', 'all_significant'],
      "must be 'never', 'any_significant' or 'all_significant'",
    ),
    'never',
  ),
  backoff: v.optional(backoff),
  quarantine: v.optional(
    v.strictObject({
      escalations: v.pipe(
        v.number('must be a number'),
        v.integer('must be whole'),
        v.minValue(1, 'must be 1 or more'),
      ),
      maxSeconds: seconds,
      release: milliseconds,
    }),
  ),
  name: v.optional(name),
  children: v.optional(v.array(v.unknown(), 'must be an array of child specs'), []),
})

/**
 * Checks one child's spec.
 *
 * @param at - where it stands, for errors: `supervise.children[2]`
 * @param autoShutdown - of its supervisor: only under another than `never` may a child be significant
 * @throws {InvalidOption}
 */
export function checkChild(spec: unknown, at: string, autoShutdown: AutoShutdown): CheckedChild {
  const nested = typeof spec === 'object' && spec !== null && 'supervisor' in spec
  const child = nested ? checkOptions(nestedSpec, spec, at) : withShutdown(checkOptions(workerSpec, spec, at))
  if (child.significant) {
    if (child.restart === 'permanent') {
      throw new InvalidOption(
        `${at}.significant`,
        true,
        'a permanent child never ends for good and cannot be significant',
      )
    }
    if (autoShutdown === 'never') {
      throw new InvalidOption(
        `${at}.significant`,
        true,
        "needs a supervisor whose autoShutdown is not 'never'",
      )
    }
  }
  if ('supervisor' in child)
    return { ...child, supervisor: checkSupervisor(child.supervisor, `${at}.supervisor`) }
  return child
}

/** What ends last needs no time of its own: a supervisor has that of all below it. */
function withShutdown(spec: v.InferOutput<typeof workerSpec>): CheckedWorker {
  const kind = 'kind' in spec.start ? spec.start.kind : 'worker'
  return { ...spec, shutdown: spec.shutdown ?? (kind === 'supervisor' ? Number.POSITIVE_INFINITY : 5_000) }
}

/** Checks the spec of a dynamic supervisor's child. @throws {InvalidOption} */
export function checkDynamicChild(spec: unknown, at: string): CheckedChild {
  if (typeof spec === 'object' && spec !== null && 'significant' in spec)
    throw new InvalidOption(`${at}.significant`, spec.significant, 'is not for a dynamic child')
  return checkChild({ id: at, ...(spec as object) }, at, 'never')
}

/**
 * Checks a supervisor's spec and those of all its children, nested ones included.
 *
 * @throws {InvalidOption} with the path of the field: `supervise.children[2].restart`
 */
export function checkSupervisor(spec: unknown, at: string): CheckedSupervisor {
  const checked = checkOptions(supervisorSpec, spec, at)
  const ids = new Set<string>()
  const children = checked.children.map((child, index) => {
    const path = `${at}.children[${index}]`
    const result = checkChild(child, path, checked.autoShutdown)
    if (ids.has(result.id)) throw new InvalidOption(`${path}.id`, result.id, 'is the id of another child')
    ids.add(result.id)
    return result
  })
  return { ...checked, children }
}
