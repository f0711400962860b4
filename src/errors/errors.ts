/** Every name that a {@link RingmeshError} may carry; the same names are used on the wire. */
export type RingmeshErrorName =
  | 'InvalidOption'
  | 'BadFrame'
  | 'SignalUnreachable'
  | 'Unauthorized'
  | 'RoomFull'
  | 'ProtocolMismatch'
  | 'ScriptUnavailable'
  | 'Closed'
  | 'QueueFull'
  | 'UnknownPeer'
  | 'NotEnoughPeers'
  | 'TooLarge'
  | 'Timeout'
  | 'NotDurable'
  | 'Conflict'
  | 'NoWorkers'
  | 'Busy'
  | 'TaskFailed'
  | 'Aborted'
  | 'ExitError'

/**
 * The base of every error that ringmesh throws or rejects with.
 *
 * `name` tells errors apart also across realms and across the wire, where `instanceof` cannot.
 *
 * @example
 * ```ts
 * join(options).catch((error) => {
 *   if (error.name === 'SignalUnreachable') showOffline()
 * })
 * ```
 */
export class RingmeshError extends Error {
  override readonly name: RingmeshErrorName

  constructor(name: RingmeshErrorName, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = name
  }
}

/** An option, argument or message has a value that it may not have. Thrown before anything is done. */
export class InvalidOption extends RingmeshError {
  /** Where the value stands, as a path: `join.room`, `supervise.children[2].restart`. */
  readonly option: string
  /** The value that was refused. */
  readonly value: unknown

  constructor(option: string, value: unknown, expected: string) {
    super('InvalidOption', `${option}: ${expected}, but got ${shown(value)}`)
    this.option = option
    this.value = value
  }
}

/** A frame from the wire was refused: too large, malformed, or not what its schema says. */
export class BadFrame extends RingmeshError {
  constructor(message: string, options?: { cause?: unknown }) {
    super('BadFrame', message, options)
  }
}

/** Long enough to recognise a value by, short enough for one line of a log. */
const longestDescription = 80

function shown(value: unknown): string {
  let text: string
  if (typeof value === 'string') text = JSON.stringify(value)
  else if (typeof value === 'function') text = `function ${value.name || '(anonymous)'}`
  else if (typeof value === 'bigint') text = `${value}n`
  else if (typeof value === 'object' && value !== null) {
    try {
      text = JSON.stringify(value) ?? String(value)
    } catch {
      text = Object.prototype.toString.call(value)
    }
  } else text = String(value)
  return text.length > longestDescription ? `${text.slice(0, longestDescription)}…` : text
}
