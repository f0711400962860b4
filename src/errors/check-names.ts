import { InvalidOption } from './errors.js'

/**
 * Refuses what is no object of options, and an option that there is not. By hand and not by schema, for what is called
 * by the hundred thousand and for scripts that stay small; the values are the caller's to check.
 *
 * @param names - all options that there are
 * @param at - the name that paths in errors start with, such as `call`
 * @param expected - what an error says of anything but an object
 * @throws {InvalidOption}
 */
export function checkNames(
  options: unknown,
  names: readonly string[],
  at: string,
  expected = `must be an object of options, { ${names.join(', ')} }`,
): void {
  if (typeof options !== 'object' || options === null) throw new InvalidOption(at, options, expected)
  for (const name in options)
    if (!names.includes(name))
      throw new InvalidOption(
        `${at}.${name}`,
        (options as Record<string, unknown>)[name],
        'is not an option here',
      )
}
