/**
 * Something that must hold in every run, with its own state for the run. Each method answers with
 * what is wrong, or undefined. Only those that can be afforded are asked after every event.
 */
export interface Invariant<World, Change> {
  readonly name: string
  /** What it promises, in one sentence. */
  readonly promise: string
  /** Asked after the event, once for each change of some node's belief that the event made. */
  changed?(world: World, change: Change): string | undefined
  /** Asked once every simulated second: what would cost too much after every event. */
  sampled?(world: World): string | undefined
  /** Asked when a phase ends. */
  ended?(world: World, phase: Phase): string | undefined
}

/** `safety`: any faults, nothing may go wrong for good. `liveness`: the faults are over, all must come right. */
export type Phase = 'safety' | 'liveness'

/** Why a run failed. */
export interface Failure {
  /** The invariant that did not hold; `no-throw` when protocol code threw. */
  readonly invariant: string
  readonly explanation: string
  /** Virtual milliseconds since the run began. */
  readonly at: number
  /** Which event it came after, counted from 1. */
  readonly event: number
  readonly phase: Phase
}

/** Asks the invariants at their times, counts how often, and keeps the first failure. */
export class Judge<World, Change> {
  readonly #world: World
  readonly #invariants: readonly Invariant<World, Change>[]
  readonly #checked = new Map<string, number>()
  phase: Phase = 'safety'
  failure: Failure | undefined
  readonly #at: () => { at: number; event: number }

  constructor(
    world: World,
    invariants: readonly Invariant<World, Change>[],
    at: () => { at: number; event: number },
  ) {
    this.#world = world
    this.#invariants = invariants
    this.#at = at
    for (const { name } of invariants) this.#checked.set(name, 0)
  }

  /** How often each invariant was asked. */
  get checked(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#checked)
  }

  changed(change: Change): void {
    for (const invariant of this.#invariants) {
      if (invariant.changed !== undefined) this.#note(invariant, invariant.changed(this.#world, change))
    }
  }

  sampled(): void {
    for (const invariant of this.#invariants) {
      if (invariant.sampled !== undefined) this.#note(invariant, invariant.sampled(this.#world))
    }
  }

  ended(): void {
    for (const invariant of this.#invariants) {
      if (invariant.ended !== undefined) this.#note(invariant, invariant.ended(this.#world, this.phase))
    }
  }

  /** Counts an invariant that the world asks itself, where the thing happens. */
  asked(name: string): void {
    this.#checked.set(name, (this.#checked.get(name) ?? 0) + 1)
  }

  fail(name: string, explanation: string): void {
    if (this.failure === undefined) {
      this.failure = { invariant: name, explanation, ...this.#at(), phase: this.phase }
    }
  }

  #note(invariant: Invariant<World, Change>, wrong: string | undefined): void {
    this.asked(invariant.name)
    if (wrong !== undefined) this.fail(invariant.name, wrong)
  }
}
