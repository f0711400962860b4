import type { Runtime, Timer } from '../runtime/index.js'

/** A wait that ends by itself: in the list of those that wait equally long. */
export interface Deadline {
  /** Takes it back; does nothing when it is over. */
  cancel(): void
}

interface Entry extends Deadline {
  at: number
  expire: () => void
  before: Entry | undefined
  after: Entry | undefined
  listed: boolean
}

interface Line {
  first: Entry | undefined
  last: Entry | undefined
  timer: Timer | undefined
}

/**
 * Time-outs by the ten thousand with one timer for each length. Those of one length expire in the
 * order they began, so a list each, with nothing to sort, is all it takes; and nearly all are taken
 * back before their time.
 */
export class Deadlines {
  readonly #runtime: Runtime
  readonly #lines = new Map<number, Line>()

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  /** Calls `expire` once, `delay` milliseconds from now. */
  add(delay: number, expire: () => void): Deadline {
    let line = this.#lines.get(delay)
    if (line === undefined) {
      line = { first: undefined, last: undefined, timer: undefined }
      this.#lines.set(delay, line)
    }
    const owner = line
    const entry: Entry = {
      at: this.#runtime.now() + delay,
      expire,
      before: line.last,
      after: undefined,
      listed: true,
      cancel: () => {
        if (entry.listed) remove(owner, entry)
      },
    }
    if (line.last === undefined) line.first = entry
    else line.last.after = entry
    line.last = entry
    if (line.timer === undefined) this.#arm(delay, line)
    return entry
  }

  #arm(delay: number, line: Line): void {
    const { first } = line
    if (first === undefined) {
      this.#lines.delete(delay)
      return
    }
    // The timer is left running when its entry is taken back: at its time it is set for the next.
    line.timer = this.#runtime.timer(Math.max(0, first.at - this.#runtime.now()), () => {
      line.timer = undefined
      const now = this.#runtime.now()
      for (let entry = line.first; entry !== undefined && entry.at <= now; entry = line.first) {
        remove(line, entry)
        entry.expire()
      }
      if (line.timer === undefined) this.#arm(delay, line)
    })
  }
}

function remove(line: Line, entry: Entry): void {
  entry.listed = false
  if (entry.before === undefined) line.first = entry.after
  else entry.before.after = entry.after
  if (entry.after === undefined) line.last = entry.before
  else entry.after.before = entry.before
  entry.before = undefined
  entry.after = undefined
}
