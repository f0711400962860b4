import { EncodedMessage, type Part, type Priority, priorities } from '../wire/index.js'
import { sessionSettings } from './session-settings.js'

/** A part with the lane that it came from. */
export interface OutgoingPart extends Part {
  readonly isBulk: boolean
}

interface Lane {
  readonly messages: EncodedMessage[]
  /** Index of the first message that waits; what lies before it has left. */
  head: number
  /** Bytes of the first message that have left as pieces. */
  offset: number
  bytes: number
}

/** What waits to be numbered and sent, by urgency. Within a lane the order is that of sending. */
export class Outbox {
  readonly #lanes: readonly Lane[] = Object.values(priorities).map(() => ({
    messages: [],
    head: 0,
    offset: 0,
    bytes: 0,
  }))
  #bytes = 0

  /** Bytes that wait in all lanes. */
  get bytes(): number {
    return this.#bytes
  }

  /** Whether a message of this urgency would be taken. */
  takes(priority: Priority): boolean {
    const lane = this.#lane(priority)
    return (
      lane.bytes < (sessionSettings.laneBytes[priority] as number) &&
      lane.messages.length - lane.head < sessionSettings.laneMessages
    )
  }

  /** Whether every lane is at most half full: the time to tell those who were refused. */
  get relaxed(): boolean {
    return this.#lanes.every(
      (lane, priority) =>
        lane.bytes <= (sessionSettings.laneBytes[priority] as number) / 2 &&
        lane.messages.length - lane.head <= sessionSettings.laneMessages / 2,
    )
  }

  /** Whether something waits that is more urgent than a call. */
  get isUrgent(): boolean {
    const next = this.#next()
    return next !== undefined && next < priorities.call
  }

  /** Whether nothing waits but bulk. */
  get isBulk(): boolean {
    return this.#next() === priorities.bulk
  }

  push(priority: Priority, message: EncodedMessage): void {
    const lane = this.#lane(priority)
    lane.messages.push(message)
    lane.bytes += message.length
    this.#bytes += message.length
  }

  /**
   * The part that should leave next, not taken out yet.
   *
   * @param frameBytes - of a message that has not to be cut, and of a piece, at most
   */
  peek(frameBytes: number): OutgoingPart | undefined {
    const priority = this.#next()
    if (priority === undefined) return undefined
    const lane = this.#lane(priority)
    const message = lane.messages[lane.head] as EncodedMessage
    const start = lane.offset
    const isBulk = priority === priorities.bulk
    if (start === 0 && message.length <= frameBytes)
      return { message, start, end: message.length, lane: undefined, isBulk }
    // In pieces of one length, so that no crumb is left for the last.
    const left = message.length - start
    const end = start + Math.ceil(left / Math.ceil(left / frameBytes))
    return { message, start, end, lane: priority, isBulk }
  }

  /** Takes out what `peek` gave. */
  shift(part: Part): void {
    const priority = this.#next()
    if (priority === undefined) return
    const lane = this.#lane(priority)
    const bytes = part.end - part.start
    lane.bytes -= bytes
    this.#bytes -= bytes
    lane.offset = part.end
    if (lane.offset < part.message.length) return
    lane.offset = 0
    lane.messages[lane.head++] = nothing
    // Taking from the front of a long array costs its length; doing so rarely makes it cheap.
    if (lane.head === lane.messages.length || lane.head > 1024) {
      lane.messages.splice(0, lane.head)
      lane.head = 0
    }
  }

  clear(): void {
    for (const lane of this.#lanes) {
      lane.messages.length = 0
      lane.head = 0
      lane.offset = 0
      lane.bytes = 0
    }
    this.#bytes = 0
  }

  #next(): Priority | undefined {
    for (let priority = 0; priority < this.#lanes.length; priority++) {
      const lane = this.#lanes[priority] as Lane
      if (lane.head < lane.messages.length) return priority as Priority
    }
    return undefined
  }

  #lane(priority: Priority): Lane {
    return this.#lanes[priority] as Lane
  }
}

const nothing = new EncodedMessage(new Uint8Array(0))
