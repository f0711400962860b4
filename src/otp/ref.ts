/**
 * Names one process for as long as it lives, on whichever peer; another incarnation has another
 * ref. Plain data: it may be sent, stored and compared by its two fields, and a copy of it is as
 * good as the original.
 */
export class ProcessRef {
  /** The peer it runs on; empty while its page is in no mesh. */
  readonly peer: string
  /** Its number on that peer. */
  readonly id: string

  constructor(peer: string, id: string) {
    this.peer = peer
    this.id = id
  }
}

/** Names a placed process by what it is placed for, wherever it runs now. Plain data. */
export class PlacedRef {
  /** The name it was defined under. */
  readonly placed: string
  readonly key: string

  constructor(placed: string, key: string) {
    this.placed = placed
    this.key = key
  }
}

/**
 * Finds its process anew for each message, by a rule of its own: OTP's `{:via, module, name}`. Good
 * on its own page only.
 */
export interface Via {
  /** The process that it means now, if there is one. */
  whereis(): ProcessRef | undefined
}

/** A {@link Via} that a process can also be started under. */
export interface ViaName extends Via {
  /** Registers a process that is about to start. @returns who has the name already; undefined when it is taken now */
  register(ref: ProcessRef): ProcessRef | undefined
}

/** What messages can be sent to: a process, a placed process, a registered name, a copy of one of these, or a {@link Via}. */
export type Target = ProcessRef | PlacedRef | Via | string

/** Whether two refs name the same process. */
export function sameProcess(a: ProcessRef, b: ProcessRef): boolean {
  return a.id === b.id && a.peer === b.peer
}

export function isViaName(given: unknown): given is ViaName {
  const via = given as Partial<ViaName> | null | undefined
  return typeof via === 'object' && typeof via?.whereis === 'function' && typeof via.register === 'function'
}
