import type { PlainError } from './port.js'

/** Long enough for any useful stack, short enough that a hostile one costs nothing. */
const longestText = 16 * 1024

/** Makes of anything that was thrown, be it undefined or a frozen object, an error that can travel. Never throws. */
export function plainError(thrown: unknown): PlainError {
  if (typeof thrown === 'object' && thrown !== null) {
    const message = text(() => (thrown as { message?: unknown }).message)
    if (message !== undefined) {
      const stack = text(() => (thrown as { stack?: unknown }).stack)
      const plain = { name: text(() => (thrown as { name?: unknown }).name) ?? 'Error', message }
      return stack === undefined ? plain : { ...plain, stack }
    }
  }
  return { name: 'Thrown', message: text(() => inWords(thrown)) ?? 'something that cannot be shown' }
}

function text(read: () => unknown): string | undefined {
  try {
    const value = read()
    return typeof value === 'string' ? value.slice(0, longestText) : undefined
  } catch {
    return undefined
  }
}

function inWords(thrown: unknown): string {
  return typeof thrown === 'object' && thrown !== null ? JSON.stringify(thrown) : String(thrown)
}
