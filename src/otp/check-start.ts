import { InvalidOption } from '../errors/index.js'
import { defaultTimeout } from './call-options.js'
import { isViaName, type ViaName } from './ref.js'

// By hand, not by schema: calls are made by the hundred thousand, and workers' scripts stay small.

/** A time-out that was checked; the default where none was given. @throws {InvalidOption} naming `at` */
export function checkTimeout(given: number | undefined, at: string): number {
  const timeout = given ?? defaultTimeout
  if (typeof timeout !== 'number') throw new InvalidOption(at, given, 'must be a number of milliseconds')
  if (!(timeout >= 0)) throw new InvalidOption(at, given, 'must be 0 ms or more')
  return timeout
}

/** The time-out of a call or a stop. @throws {InvalidOption} naming what is wrong, below `at` */
export function checkOnlyTimeout(options: { readonly timeout?: number }, at: string): number {
  // Who comes from OTP gives the milliseconds alone.
  if (typeof options !== 'object' || options === null)
    throw new InvalidOption(at, options, 'must be an object of options, { timeout }')
  for (const option in options)
    if (option !== 'timeout')
      throw new InvalidOption(
        `${at}.${option}`,
        (options as Record<string, unknown>)[option],
        'is not an option here',
      )
  return checkTimeout(options.timeout, `${at}.timeout`)
}

/** The longest name, as everywhere on the wire. */
const longestName = 1024

/** The options of a start. @throws {InvalidOption} */
export function checkStart(options: unknown): {
  args: unknown
  name: string | ViaName | undefined
  timeout: number | undefined
} {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidOption('start', options, 'must be an object of options')
  }
  for (const [option, value] of Object.entries(options)) {
    if (option !== 'args' && option !== 'name' && option !== 'timeout') {
      throw new InvalidOption(`start.${option}`, value, 'is not an option here')
    }
  }
  const { args, name, timeout } = options as { args?: unknown; name?: unknown; timeout?: number }
  const isName = typeof name === 'string' ? name.length > 0 && name.length <= longestName : isViaName(name)
  if (name !== undefined && !isName) {
    throw new InvalidOption(
      'start.name',
      name,
      `must be a string of 1 to ${longestName} characters, or via(…) of a registry`,
    )
  }
  return {
    args,
    name: name as string | ViaName | undefined,
    timeout: timeout === undefined ? undefined : checkTimeout(timeout, 'start.timeout'),
  }
}
