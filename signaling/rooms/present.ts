import type { Presence } from './bus.js'

/** A peer whose socket is at this instance. */
export interface LocalPeer {
  /** What its door keeps of it, packed: see {@link Presence}. Asked for when somebody elsewhere is told, so mostly never. */
  readonly info: Uint8Array
  /** It is in; these others are there, to be looked at now or never. Called at most once, before anything else. */
  welcome(others: Iterable<Present>): void
  /** A frame for it, ready to be sent. */
  deliver(frame: Uint8Array): void
  /** It is back on another socket, here or at another instance; this one counts no more. */
  replaced(): void
  /**
   * Whether it may take the place of one of the same id that is there already; without this it may.
   * Answering no, it is out again and nobody hears of it.
   */
  mayReplace?(other: Presence): boolean
  /**
   * Whether it may come into a room that turns out to have so many in it; without this it may. Answering no, it is out
   * again and nobody hears of it.
   */
  mayJoin?(inside: number): boolean
}

/** Somebody in a room, as a door is told of them. */
export interface Present extends Presence {
  /** The peer itself, where its socket is at this instance. */
  readonly peer?: LocalPeer
}

/** How a door tells its peers of each other; a frame that is undefined tells nothing. */
export interface Announcements {
  entered(presence: Present): Uint8Array | undefined
  left(id: string, clean: boolean): Uint8Array | undefined
  /** Nobody of this instance is in the room any more: what is kept for it can go. */
  emptied(room: string): void
}
