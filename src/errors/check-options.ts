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
): v.InferOutput<TSchema> {
  const result = v.safeParse(schema, value, { abortEarly: true })
  if (result.success) return result.output
  const [issue] = result.issues
  let path = at
  for (const { key } of issue.path ?? []) {
    path += typeof key === 'number' ? `[${key}]` : `.${String(key)}`
  }
  if (issue.type === 'strict_object' && issue.expected === 'never') {
    throw new InvalidOption(path, valueAt(issue), 'is not an option here')
  }
  throw new InvalidOption(path, valueAt(issue), issue.message)
}

function valueAt(issue: v.GenericIssue): unknown {
  const last = issue.path?.at(-1)
  return last === undefined ? issue.input : last.value
}
