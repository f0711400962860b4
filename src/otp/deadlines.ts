import type { Runtime, Timer } from '../runtime/index.js'

/** A wait that ends by itself: in the list of those that wait equally long. */
export interface Deadline {
  /** Takes it back; does nothing when it is over. */
  cancel(): void
}

/** No closures: there is one for every call in flight. */
class Entry implements Deadline {
  readonly line: Line
  readonly at: number
  readonly expire: (tag: number, delay: number) => void
  readonly tag: number
  before: Entry | undefined
  after: Entry | undefined
  listed = true

  constructor(line: Line, at: number, expire: (tag: number, delay: number) => void, tag: number) {
    this.line = line
    this.at = at
    this.expire = expire
    this.tag = tag
    this.before = line.last
  }

  cancel(): void {
    if (this.listed) remove(this.line, this)
  }
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

  /** Calls `expire` once, `delay` milliseconds from now, with `tag` and `delay`. */
  add(delay: number, expire: (tag: number, delay: number) => void, tag = 0): Deadline {
    let line = this.#lines.get(delay)
    if (line === undefined) {
      line = { first: undefined, last: undefined, timer: undefined }
      this.#lines.set(delay, line)
    }
    const entry = new Entry(line, this.#runtime.now() + delay, expire, tag)
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
        entry.expire(entry.tag, delay)
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
