import type { Carrier } from './carrier.js'

/** The links of one session, and which of them carries it. */
export class Carriers {
  readonly #all: Carrier[] = []
  #current: Carrier | undefined
  /** How often another took over from one that served. */
  replacements = 0

  /** In the order of their coming; a copy, as who goes through them may add and remove. */
  get all(): readonly Carrier[] {
    return [...this.#all]
  }

  /** The one that serves. */
  get current(): Carrier | undefined {
    return this.#current
  }

  add(carrier: Carrier): void {
    this.#all.push(carrier)
  }

  remove(carrier: Carrier): void {
    const index = this.#all.indexOf(carrier)
    if (index !== -1) this.#all.splice(index, 1)
  }

  /** Takes the best link that is proven: direct, then relay, then a direct one in doubt. Whether that is another. */
  choose(): boolean {
    let best: Carrier | undefined
    for (const carrier of this.#all)
      if (carrier.proven && (best === undefined || rank(carrier) >= rank(best))) best = carrier
    if (best === this.#current) return false
    if (best !== undefined && this.#current !== undefined) this.replacements++
    this.#current = best
    return true
  }

  /** Where a direct link serves, others like it are closed, and the relay stands aside but still takes. */
  retireOthers(): void {
    const best = this.#current
    if (best === undefined || best.kind === 'relay' || best.troubled) return
    for (const carrier of this.all) {
      if (carrier === best) continue
      if (carrier.kind === 'relay') carrier.unprove()
      else if (carrier.proven) carrier.close('replaced')
    }
  }
}

function rank(carrier: Carrier): number {
  if (carrier.kind === 'relay') return 2
  return carrier.troubled ? 1 : 3
}
