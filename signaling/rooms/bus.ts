/** A peer's place in a room as the instances of one service tell it to each other. */
export interface Presence {
  readonly id: string
  /** The instance that has its socket. */
  readonly instance: string
  /** Tells the sockets of one peer apart; unique at its instance. */
  readonly session: number
  /** What the door that let it in keeps of it, packed; opaque to the bus. */
  readonly info: Uint8Array
}

/** What a bus tells its instance. Never called from inside a call to the bus. */
export interface BusEvents {
  /** All that are in `room` over all instances, this one included. Answers `open`; notices may have overtaken it. */
  snapshot(room: string, all: readonly Presence[]): void
  /** A peer entered. Also told to the instance that announced it: the order of these is the same for all. */
  entered(room: string, presence: Presence): void
  /** The peer's socket is gone from its instance. `clean`: it said goodbye. */
  left(room: string, id: string, instance: string, session: number, clean: boolean): void
  /** A frame for a peer whose socket is here. */
  frame(room: string, to: string, frame: Uint8Array): void
  /** An instance has not been heard of for too long: its sockets are gone with it. */
  instanceDown(instance: string): void
  /** The bus works again; everything has to be opened and announced anew. */
  up(): void
  /** The bus is lost and is being looked for; until `up` nothing comes from other instances. */
  down(): void
}

/**
 * How the instances of one service hear of each other's peers. Two implementations, one contract
 * test: in this process, and Redis.
 *
 * Nothing here waits: what is sent while the bus is down is dropped, as the directory sends it all
 * again when the bus is back. Withdrawals alone are not, as nobody would say them again.
 */
export interface Bus {
  /** This instance's name, fresh for every start. */
  readonly instance: string
  readonly connected: boolean
  /** Begins to work; called once, with the stack of the caller still up. */
  start(events: BusEvents): void
  /** Asks for the notices of a room, and once for all that are in it (`snapshot`). */
  open(room: string): void
  /** Wants no more notices of a room. */
  close(room: string): void
  /** Tells all instances that a peer is here, and keeps it for those who open the room later. */
  announce(room: string, presence: Presence): void
  /** Takes a presence of this instance back, unless the peer is at another instance by now. */
  withdraw(room: string, presence: Presence, clean: boolean): void
  /**
   * Carries a frame to the instance that has the socket of `to`.
   * @returns false where it is dropped, as the bus is down, or slower than what it is given
   */
  send(instance: string, room: string, to: string, frame: Uint8Array): boolean
  /** Remembers `key` at all instances for `milliseconds`, or until the bus is lost. */
  remember(key: string, milliseconds: number): void
  /** Whether `key` is remembered, called exactly once; undefined while the bus is down. */
  remembered(key: string, settle: (answer: boolean | undefined) => void): void
  /** Withdraws what is announced and lets go. */
  stop(done: () => void): void
}
