/** What a handler threw, in plain data that any peer can read. */
export interface Thrown {
  /** The error's name; `Thrown` for a value that is no error. */
  readonly name: string
  /** The error's message, or the value as text. */
  readonly message: string
  /** The stack where it was thrown; empty for a value that is no error. */
  readonly stack: string
  /** The error that caused it, as deep as {@link deepestCause}. */
  readonly cause: Thrown | undefined
}

/** Characters of a message and of a stack that are kept: enough to find the place, too few to fill a queue. */
const longestText = 8192
const longestName = 256
/** How far `cause` is followed; errors may cause themselves. */
const deepestCause = 8

/**
 * Describes anything that may be thrown: `undefined`, frozen objects, errors whose cause is
 * themselves, objects whose getters throw. Never throws.
 */
export function describeThrown(value: unknown): Thrown {
  return told(value, deepestCause, new Set())
}

function told(value: unknown, depth: number, seen: Set<unknown>): Thrown {
  if (typeof value !== 'object' || value === null) {
    return { name: 'Thrown', message: cut(plainText(value), longestText), stack: '', cause: undefined }
  }
  seen.add(value)
  const cause = read(value, 'cause')
  const isError = typeof read(value, 'message') === 'string'
  return {
    name: isError ? cut(text(read(value, 'name')) || 'Error', longestName) : 'Thrown',
    message: cut(isError ? text(read(value, 'message')) : plainText(value), longestText),
    stack: cut(text(read(value, 'stack')), longestText),
    cause: cause === undefined || depth === 0 || seen.has(cause) ? undefined : told(cause, depth - 1, seen),
  }
}

function read(value: object, key: string): unknown {
  try {
    return (value as Record<string, unknown>)[key]
  } catch {
    return undefined
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function plainText(value: unknown): string {
  if (typeof value === 'string') return value
  try {
    if (typeof value === 'object' && value !== null) return JSON.stringify(value) ?? String(value)
    return String(value)
  } catch {
    // Cyclic, without a prototype, or with a `toString` that throws.
    return 'a value that cannot be shown'
  }
}

function cut(value: string, length: number): string {
  return value.length > length ? value.slice(0, length) : value
}

/** One error of a chain of causes. A {@link Thrown} travels as such a row, outermost first. */
export interface ThrownLink {
  readonly name: string
  readonly message: string
  readonly stack: string
}

/** Flattens a {@link Thrown} for the wire and for records. */
export function toLinks(thrown: Thrown): ThrownLink[] {
  const links: ThrownLink[] = []
  for (let at: Thrown | undefined = thrown; at !== undefined; at = at.cause) {
    links.push({ name: at.name, message: at.message, stack: at.stack })
  }
  return links
}

/** The inverse of {@link toLinks}. */
export function fromLinks(links: readonly ThrownLink[]): Thrown {
  let thrown: Thrown | undefined
  for (const { name, message, stack } of [...links].reverse())
    thrown = { name, message, stack, cause: thrown }
  return thrown ?? { name: 'Thrown', message: '', stack: '', cause: undefined }
}
