import { seededRandom, VirtualTime } from '../runtime/index.js'
import { encodeMessage } from '../wire/index.js'
import type { MembershipNode } from './membership-node.js'
import { MembershipWorld } from './membership-world.js'
import type { NetworkOptions } from './network.js'
import { ordinaryNetwork } from './run-scenario.js'
import { TraceHash } from './trace-hash.js'

/** What the measurements share. Every figure is of virtual time: the same on every machine. */
export interface MeasureOptions {
  readonly seed?: number
  readonly nodes: number
  /** Default: 2 % loss and round trips of 40 to 800 ms with a tail. */
  readonly network?: NetworkOptions
}

/** Milliseconds in which a cluster of any size measured here forms and comes to rest. */
const formingTime = 60_000

/** Milliseconds after which a measurement of something that should have happened gives up. */
const patience = 300_000

function formed({ seed = 1, nodes, network = ordinaryNetwork }: MeasureOptions): MembershipWorld {
  const time = new VirtualTime(seed)
  const world = new MembershipWorld({ time, hash: new TraceHash(), seed, network, hasRings: false })
  for (let index = 0; index < nodes; index++) time.timer(index * 20, () => world.join(`n${index}`))
  forget(world, formingTime + nodes * 20)
  if (world.mistakes > 0) settle(world)
  return world
}

/** Runs without judging. */
function forget(world: MembershipWorld, milliseconds: number): void {
  const end = world.time.now + milliseconds
  while (world.time.step(end)) world.changes.length = 0
}

/** Runs until all views are right; milliseconds. */
function settle(world: MembershipWorld): number {
  const start = world.time.now
  while (world.mistakes > 0 && world.time.step(start + patience)) world.changes.length = 0
  return world.mistakes === 0 ? world.time.now - start : Number.POSITIVE_INFINITY
}

/**
 * Milliseconds from a crash until every other node holds it for dead, for many crashes in turn.
 * After each a new page joins, and the cluster comes to rest.
 *
 * @param isHinted - whether the signalling server sees the socket close
 * @returns in ascending order
 */
export function detectionTimes(options: MeasureOptions & { crashes: number; isHinted: boolean }): number[] {
  const { seed = 1, crashes, isHinted } = options
  const world = formed(options)
  const chance = seededRandom(`${seed}/crashes`)
  const times: number[] = []
  for (let crash = 0; crash < crashes; crash++) {
    // Any moment of the protocol's periods.
    forget(world, 5_000 + chance() * 10_000)
    settle(world)
    const up = world.up()
    const victim = up[Math.floor(chance() * up.length)] as number
    world.crash(victim, isHinted)
    times.push(settle(world))
    world.join(`after${crash}`)
    forget(world, 5_000)
    settle(world)
  }
  return times.sort((a, b) => a - b)
}

/** Milliseconds from the end of a 50/50 split of a minute until all views are equal and right, for each of `splits`, ascending. */
export function healTimes(options: MeasureOptions & { splits: number }): number[] {
  const { nodes } = options
  const world = formed(options)
  const times: number[] = []
  for (let split = 0; split < options.splits; split++) {
    const heal = world.cut((from, to) => from < nodes / 2 !== to < nodes / 2)
    forget(world, 60_000)
    heal()
    times.push(settle(world))
    forget(world, 30_000)
    settle(world)
  }
  return times.sort((a, b) => a - b)
}

export interface FalseDeaths {
  /** Deaths of pages that never froze, each counted once however many believed it. */
  readonly deaths: number
  /** Hours that pages that never freeze were simulated. */
  readonly healthyNodeHours: number
}

/** Milliseconds that a freezing page is awake, at least and at most: awake for about as long as asleep. */
const awakeFor = [5_000, 65_000] as const
/** Milliseconds that it then sleeps. */
const asleepFor = [2_000, 40_000] as const

/** Counts the healthy pages that are declared dead while the other half of all pages freeze for 2 to 40 s again and again. */
export function falseDeaths(options: MeasureOptions & { hours: number }): FalseDeaths {
  const { seed = 1, nodes, hours } = options
  const world = formed(options)
  const { time } = world
  const frozen = world.nodes.filter(({ number }) => number < nodes / 2)
  for (const { number } of frozen) {
    const chance = seededRandom(`${seed}/freezes/${number}`)
    const between = ([low, high]: readonly [number, number]): number => low + chance() * (high - low)
    const sleep = (): void => {
      world.freeze(number)
      time.timer(between(asleepFor), () => {
        world.thaw(number, chance() < 0.5 ? 'timers-first' : 'frames-first', false)
        time.timer(between(awakeFor), sleep)
      })
    }
    time.timer(between(awakeFor), sleep)
  }
  const dead = new Set<string>()
  const end = time.now + hours * 3_600_000
  while (time.step(end)) {
    for (const { node, now } of world.changes) {
      if (now.state === 'dead' && isHealthy(node, nodes)) dead.add(`${node?.number}/${now.incarnation}`)
    }
    world.changes.length = 0
  }
  return { deaths: dead.size, healthyNodeHours: (nodes - frozen.length) * hours }
}

function isHealthy(node: MembershipNode | undefined, nodes: number): boolean {
  return node !== undefined && node.number >= nodes / 2
}

/** Bytes of membership messages, as the codec writes them, that one peer sends in a second when nothing happens. */
export function bytesPerSecond(options: MeasureOptions & { seconds: number }): number {
  const world = formed(options)
  let bytes = 0
  world.network.onSend = (_from, _to, message) => {
    bytes += encodeMessage(message).byteLength
  }
  forget(world, options.seconds * 1_000)
  return bytes / options.seconds / options.nodes
}

export interface Speed {
  readonly nodeHours: number
  readonly events: number
  readonly traceHash: string
}

/** Runs a cluster in which nothing happens but what the network does, for the speed of the simulator itself. */
export function idleCluster(options: MeasureOptions & { hours: number }): Speed {
  const { seed = 1, nodes, hours, network = ordinaryNetwork } = options
  const time = new VirtualTime(seed)
  const hash = new TraceHash()
  const world = new MembershipWorld({ time, hash, seed, network, hasRings: false })
  for (let index = 0; index < nodes; index++) time.timer(index * 20, () => world.join(`n${index}`))
  const end = hours * 3_600_000
  let events = 0
  while (time.step(end)) {
    world.changes.length = 0
    events++
  }
  return { nodeHours: nodes * hours, events, traceHash: hash.digest() }
}

/** The value below which this part of an ascending list lies. */
export function percentile(ascending: readonly number[], part: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(part * ascending.length))] ?? Number.NaN
}
