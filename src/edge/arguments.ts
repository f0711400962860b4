import { InvalidArgumentError } from 'commander'

/** Reads a port from the command line: 0 (any free one) to 65535. */
export function port(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 65_535)
    throw new InvalidArgumentError('It must be a port from 0 to 65535.')
  return value
}

/** Reads a number that is not negative. */
export function positiveNumber(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError('It must be a number of 0 or more.')
  }
  return value
}

/** Reads a time in seconds: above 0, parts of a second allowed, at most 10 minutes. */
export function seconds(text: string): number {
  const value = positiveNumber(text)
  if (value === 0 || value > 600) {
    throw new InvalidArgumentError('It must be a number of seconds above 0, at most 600.')
  }
  return value
}
