import * as v from 'valibot'
import { InvalidOption } from './errors.js'

/**
 * Checks `value` against `schema` and returns it with its defaults filled in.
 *
 * Write the schema's messages as what was expected ("must be a positive number"): they become the
 * middle of the error's sentence. Unknown keys are refused when the schema is a `strictObject`.
 *
 * @param schema - a Valibot schema
 * @param value - what the caller passed
 * @param at - the name that paths in errors start with, such as `join`
 * @param secrets - paths below `at` whose values no error may show, list indices left out: `turn.secret`. Given any,
 * what holds one of them is not shown either, nor the value of an option that is unknown: it may be one of them, misspelt
 * @throws {InvalidOption} naming the first option that is wrong, and its value
 *
 * @example
 * ```ts
 * const { room } = checkOptions(v.strictObject({ room: v.string() }), options, 'join')
 * ```
 */
export function checkOptions<TSchema extends v.GenericSchema>(
  schema: TSchema,
  value: unknown,
  at: string,
  secrets: readonly string[] = [],
): v.InferOutput<TSchema> {
  const result = v.safeParse(schema, value, { abortEarly: true })
  if (result.success) return result.output
  const [issue] = result.issues
  const keys = (issue.path ?? []).map(({ key }) => key)
  const path = keys.reduce<string>(
    (above, key) => above + (typeof key === 'number' ? `[${key}]` : `.${String(key)}`),
    at,
  )
  const isUnknown = issue.type === 'strict_object' && issue.expected === 'never'
  const named = keys.filter((key) => typeof key !== 'number').join('.')
  const isSecret = secrets.some((secret) => isUnknown || holds(named, secret) || holds(secret, named))
  throw new InvalidOption(
    path,
    isSecret ? hiddenValue : valueAt(issue),
    isUnknown ? 'is not an option here' : isSecret ? withoutValue(issue) : expectationOf(issue, keys.at(-1)),
  )
}

/** What was expected, also where the schema's words are about the whole object, or are Valibot's own. */
function expectationOf({ type, expected, message }: v.GenericIssue, key: unknown): string {
  if (!type.endsWith('object')) return message
  if (expected === JSON.stringify(key)) return 'must be given'
  return expected === 'Object' && message.startsWith('Invalid type') ? 'must be an object' : message
}

/** Stands in an error where the value is a secret, or may hold one. */
export const hiddenValue = '(hidden)'

/** Whether the second path is the first one or lies below it. */
function holds(outer: string, inner: string): boolean {
  return outer === '' || inner === outer || inner.startsWith(`${outer}.`)
}

/** Where a schema has no words of its own, its message quotes the value. */
function withoutValue({ message, received, expected }: v.GenericIssue): string {
  return message.includes(received) ? `must be ${expected ?? 'something else'}` : message
}

function valueAt(issue: v.GenericIssue): unknown {
  const last = issue.path?.at(-1)
  return last === undefined ? issue.input : last.value
}
