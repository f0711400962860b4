import { checkNames, InvalidOption } from '../errors/index.js'
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

const onlyTimeout = ['timeout']

/** The time-out of a call or a stop. @throws {InvalidOption} naming what is wrong, below `at` */
export function checkOnlyTimeout(options: { readonly timeout?: number }, at: string): number {
  // Who comes from OTP gives the milliseconds alone.
  checkNames(options, onlyTimeout, at)
  return checkTimeout(options.timeout, `${at}.timeout`)
}

const startNames = ['args', 'name', 'timeout']

/** The longest name, as everywhere on the wire. */
const longestName = 1024

/** The options of a start. @throws {InvalidOption} */
export function checkStart(options: unknown): {
  args: unknown
  name: string | ViaName | undefined
  timeout: number | undefined
} {
  checkNames(options, startNames, 'start')
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
