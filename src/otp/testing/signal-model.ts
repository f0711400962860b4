/** Reasons that exit signals and ends are tried with. */
export type ModelReason = 'normal' | 'shutdown' | 'error' | 'kill'

interface ModelProcess {
  alive: boolean
  /** Why it ended. */
  reason: string | undefined
  traps: boolean
  readonly links: Set<number>
  /** Who monitors it, as often as that. */
  readonly watchers: number[]
  /** What came to it, as `exit from reason` and `down of reason`. */
  readonly inbox: string[]
}

/**
 * What links, monitors and exit signals do, as the chapter on processes in Erlang's reference manual
 * says it. One signal after the other, and no time between. For tests that compare.
 */
export class SignalModel {
  readonly processes: readonly ModelProcess[]

  constructor(count: number) {
    this.processes = Array.from({ length: count }, () => ({
      alive: true,
      reason: undefined,
      traps: false,
      links: new Set<number>(),
      watchers: [],
      inbox: [],
    }))
  }

  at(index: number): ModelProcess {
    return this.processes[index] as ModelProcess
  }

  trap(by: number, traps: boolean): void {
    this.at(by).traps = traps
  }

  link(by: number, to: number): void {
    if (by === to) return
    if (!this.at(to).alive) this.#receive(by, to, 'noproc')
    else {
      this.at(by).links.add(to)
      this.at(to).links.add(by)
    }
  }

  unlink(by: number, to: number): void {
    this.at(by).links.delete(to)
    this.at(to).links.delete(by)
  }

  monitor(by: number, to: number): void {
    if (this.at(to).alive) this.at(to).watchers.push(by)
    else this.at(by).inbox.push(`down ${to} noproc`)
  }

  exit(by: number, to: number, reason: ModelReason): void {
    if (reason === 'kill') this.end(to, 'killed')
    else if (by === to && reason === 'normal' && !this.at(to).traps) this.end(to, 'normal')
    else this.#receive(to, by, reason)
  }

  end(index: number, reason: string): void {
    const process = this.at(index)
    if (!process.alive) return
    process.alive = false
    process.reason = reason
    const links = [...process.links]
    process.links.clear()
    for (const other of links) {
      this.at(other).links.delete(index)
      this.#receive(other, index, reason)
    }
    for (const watcher of process.watchers) this.at(watcher).inbox.push(`down ${index} ${reason}`)
  }

  #receive(index: number, from: number, reason: string): void {
    const process = this.at(index)
    if (!process.alive) return
    if (process.traps) process.inbox.push(`exit ${from} ${reason}`)
    else if (reason !== 'normal') this.end(index, reason)
  }
}
