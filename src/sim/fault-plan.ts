import { seededRandom } from '../runtime/index.js'
import type { Fault, FaultKind } from './faults.js'

/** Draws whole numbers and members of lists from one row of chance. */
class Draw {
  readonly #random: () => number

  constructor(random: () => number) {
    this.#random = random
  }

  /** A whole number in [low, high]. */
  between(low: number, high: number): number {
    return low + Math.floor(this.#random() * (high - low + 1))
  }

  /** `count` distinct numbers in [0, size). */
  some(count: number, size: number): number[] {
    const all = Array.from({ length: size }, (_, index) => index)
    const chosen: number[] = []
    while (chosen.length < count && all.length > 0) {
      chosen.push(...all.splice(Math.floor(this.#random() * all.length), 1))
    }
    return chosen.sort((a, b) => a - b)
  }
}

interface Plan {
  /** Mean occurrences in a minute, never less than one in a run. */
  readonly perMinute: number
  /** Milliseconds from, to. */
  readonly duration: readonly [number, number]
  /** Which nodes: none, one, two, about half of them, or a few (one in five). */
  readonly nodes: 'none' | 'one' | 'pair' | 'half' | 'few'
  /** In thousandths for probabilities, in milliseconds otherwise. */
  readonly amount?: readonly [number, number, unit: 'probability' | 'milliseconds']
}

/** What a planned fault of each kind looks like. Durations reach past the protocol's own time-outs (seconds) and its anti-entropy (30 s). */
const plans: Readonly<Record<FaultKind, Plan>> = {
  loss: { perMinute: 0.5, duration: [5_000, 30_000], nodes: 'none', amount: [50, 400, 'probability'] },
  duplicate: { perMinute: 0.5, duration: [5_000, 60_000], nodes: 'none', amount: [50, 500, 'probability'] },
  reorder: { perMinute: 0.5, duration: [5_000, 60_000], nodes: 'none', amount: [50, 500, 'probability'] },
  tail: { perMinute: 0.5, duration: [5_000, 30_000], nodes: 'none', amount: [10, 200, 'probability'] },
  'one-way': { perMinute: 0.3, duration: [3_000, 30_000], nodes: 'few' },
  split: { perMinute: 0.3, duration: [3_000, 60_000], nodes: 'half' },
  'link-failure': { perMinute: 2, duration: [1_000, 20_000], nodes: 'pair' },
  'server-down': { perMinute: 0.3, duration: [5_000, 60_000], nodes: 'none' },
  'server-restart': { perMinute: 0.3, duration: [500, 5_000], nodes: 'none' },
  'server-lies': {
    perMinute: 0.3,
    duration: [5_000, 30_000],
    nodes: 'none',
    amount: [200, 3_000, 'milliseconds'],
  },
  crash: { perMinute: 0.5, duration: [0, 0], nodes: 'one' },
  'silent-crash': { perMinute: 0.5, duration: [0, 0], nodes: 'one' },
  close: { perMinute: 0.5, duration: [0, 0], nodes: 'one' },
  'close-without-left': { perMinute: 0.5, duration: [0, 0], nodes: 'one' },
  leave: { perMinute: 0.5, duration: [0, 0], nodes: 'one' },
  hide: { perMinute: 0.5, duration: [5_000, 120_000], nodes: 'few' },
  freeze: { perMinute: 4, duration: [2_000, 40_000], nodes: 'one' },
  stall: { perMinute: 8, duration: [500, 5_000], nodes: 'few' },
  'hide-and-freeze': { perMinute: 1, duration: [5_000, 60_000], nodes: 'one' },
  'second-timers': { perMinute: 0.5, duration: [10_000, 120_000], nodes: 'half' },
  'minute-timers': { perMinute: 0.3, duration: [60_000, 180_000], nodes: 'few' },
  discard: { perMinute: 0.5, duration: [5_000, 30_000], nodes: 'one' },
  reload: { perMinute: 1, duration: [0, 0], nodes: 'one' },
  'clock-jump': {
    perMinute: 1,
    duration: [0, 0],
    nodes: 'few',
    amount: [-86_400_000, 86_400_000, 'milliseconds'],
  },
  'mass-join': { perMinute: 0.2, duration: [0, 0], nodes: 'none' },
  'mass-leave': { perMinute: 0.2, duration: [0, 0], nodes: 'few' },
  hostile: { perMinute: 0.3, duration: [10_000, 60_000], nodes: 'one', amount: [50, 500, 'milliseconds'] },
}

/**
 * Plans when and whom the faults of these kinds strike. Each kind has its own row of chance, so
 * that asking for one kind more moves no fault of the others.
 *
 * @param length - of the safety phase, in milliseconds
 * @returns faults in the order of their times
 */
export function planFaults(
  seed: string | number,
  kinds: readonly FaultKind[],
  nodeCount: number,
  length: number,
): Fault[] {
  const faults: Fault[] = []
  for (const kind of kinds) {
    const plan = plans[kind]
    const draw = new Draw(seededRandom(`${seed}/plan/${kind}`))
    const mean = (plan.perMinute * length) / 60_000
    const count = Math.max(1, draw.between(Math.floor(mean / 2), Math.ceil(mean * 1.5)))
    for (let index = 0; index < count; index++) {
      faults.push({
        kind,
        at: draw.between(0, Math.floor(length * 0.9)),
        duration: draw.between(plan.duration[0], plan.duration[1]),
        nodes: draw.some(nodesOf(plan, nodeCount, draw), nodeCount),
        amount: amountOf(plan, draw),
      })
    }
  }
  return faults.sort((a, b) => a.at - b.at)
}

function nodesOf(plan: Plan, nodeCount: number, draw: Draw): number {
  switch (plan.nodes) {
    case 'none':
      return 0
    case 'one':
      return 1
    case 'pair':
      return Math.min(2, nodeCount)
    case 'half':
      return draw.between(1, Math.max(1, Math.floor(nodeCount / 2)))
    case 'few':
      return draw.between(1, Math.max(1, Math.floor(nodeCount / 5)))
  }
}

function amountOf(plan: Plan, draw: Draw): number {
  if (plan.amount === undefined) return 0
  const [low, high, unit] = plan.amount
  const whole = draw.between(low, high)
  return unit === 'probability' ? whole / 1000 : whole
}
