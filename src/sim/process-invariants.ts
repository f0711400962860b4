import { ProcessRef } from '../otp/index.js'
import type { MeshInvariant } from './mesh-invariants.js'
import type { MeshNode } from './mesh-node.js'
import type { MeshWorld } from './mesh-world.js'
import { isLinkedTo } from './process-witness.js'
import type { Entered } from './process-work.js'

/** What a page may have of processes, names and calls: all keys and names, its tree, and some calls a peer. */
const mostProcesses = 40
const mostCalls = 100

/**
 * Milliseconds from a call's answer until its effect is in the kept snapshot: the second until one is
 * taken, and the time that a write may take and be tried again.
 */
const snapshotTime = 15_000

const placedOnce = (): MeshInvariant => ({
  name: 'placed-once',
  promise: 'when the view has settled, every key runs exactly once, on its ring owner',
  ended(world, phase) {
    if (phase === 'safety') return undefined
    const running = runningFor(world)
    for (const key of new Set(world.witness.entered.map((entered) => entered.key))) {
      const on = running.get(key) ?? []
      const owner = world.living()[0]?.core.ring.owner(key)
      if (on.length !== 1) return `${key} runs on ${on.length === 0 ? 'nobody' : on.map(({ name }) => name)}`
      if (on[0]?.info.id !== owner)
        return `${key} runs on ${on[0]?.name}, its owner is ${world.nameOf(owner ?? '')}`
    }
    return undefined
  },
})

/** Milliseconds in which one of two that run for a key has heard of the other: twice what an audit takes. */
const longestDouble = 20_000

/** That an epoch is one peer's own does not keep two epochs from going on side by side: this does. */
const formerStops = (): MeshInvariant => {
  /** Since when two have been seen to run for a key though their pages hear each other. */
  const since = new Map<string, number>()
  return {
    name: 'former-stops',
    promise: 'of two processes that run for one key on pages that hear each other, one soon stops',
    sampled(world) {
      const seen = new Set<string>()
      for (const [key, running] of runningFor(world)) {
        for (const [index, one] of running.entries()) {
          for (const other of running.slice(index + 1)) {
            const pair = `${key} on ${one.name} and ${other.name}`
            if (!isLinkedTo(one, other) || !isLinkedTo(other, one)) continue
            if (![one, other].every((node) => isPunctual(world, node))) continue
            seen.add(pair)
            const start = since.get(pair) ?? world.time.now
            since.set(pair, start)
            if (world.time.now - start > longestDouble) return `${pair} since ${start}`
          }
        }
      }
      for (const pair of since.keys()) if (!seen.has(pair)) since.delete(pair)
      return undefined
    },
  }
}

/** Whether nothing holds back what a page does or hears. */
function isPunctual(world: MeshWorld, node: MeshNode): boolean {
  return !world.isSlow(node) && !node.runtime.isFrozen && node.runtime.isExact
}

/** The pages on which something runs for each key. */
function runningFor(world: MeshWorld): Map<string, MeshNode[]> {
  const running = new Map<string, MeshNode[]>()
  for (const node of world.living()) {
    for (const { key } of node.processes.system.placed())
      running.set(key, [...(running.get(key) ?? []), node])
  }
  return running
}

const entriesKept = (): MeshInvariant => ({
  name: 'entries-kept',
  promise:
    'what a placed process answered is kept through moves and partitions, and through a crash once it is in the snapshot',
  ended(world, phase) {
    if (phase === 'safety' || world.departures.mayHaveTakenLastCopies) return undefined
    const kept = new Map<string, Set<string>>()
    for (const node of world.living()) {
      for (const { key } of node.processes.system.placed()) {
        const entries = kept.get(key) ?? new Set()
        for (const entry of node.processes.entriesOf(key) ?? []) entries.add(entry)
        kept.set(key, entries)
      }
    }
    for (const { key, entry, at, by } of world.witness.entered) {
      const isExcused = world.blackouts.some(
        ({ page, from, until }) =>
          (from <= at + snapshotTime && until >= at - snapshotTime) ||
          (page === by &&
            (world.snapshots.wentWith(page, key, entry, at, until) ||
              hadNoTime(world, { entry, at, by }, from, until))),
      )
      if (isExcused) continue
      if (kept.get(key)?.has(entry) !== true) return `${entry}, which ${key} answered at ${at}, is lost`
    }
    return undefined
  },
})

/** Whether the page of a ledger went before it had been awake for long enough to write an entry down, as where it slept right after. */
function hadNoTime(
  world: MeshWorld,
  { entry, at, by }: Pick<Entered, 'entry' | 'at' | 'by'>,
  lastAwake: number,
  gone: number,
): boolean {
  if (gone < at || world.snapshots.wasKept(entry, gone)) return false
  return (world.node(by)?.runtime.awakeBetween(at, lastAwake) ?? 0) <= snapshotTime
}

const namesAgree = (): MeshInvariant => ({
  name: 'names-agree',
  promise:
    'when the view has settled, all pages find the same living process under a name, and none has lost its name',
  ended(world, phase) {
    if (phase === 'safety') return undefined
    const nodes = world.living()
    const holders = new Map<string, { holder: string; by: string }>()
    for (const node of nodes) {
      for (const [name, { peer, id }] of node.processes.system.names()) {
        const holder = `${world.nameOf(peer)}/${id}`
        const known = holders.get(name)
        if (known !== undefined && known.holder !== holder && !isChanging(name, nodes))
          return `${name} is ${known.holder} for ${known.by} and ${holder} for ${node.name}`
        holders.set(name, { holder, by: node.name })
        const lives = world.node(peer)?.processes.system.alive(new ProcessRef(peer, id)) === true
        if (!lives && !isChanging(name, nodes)) return `${name} is ${holder} for ${node.name}, which is dead`
      }
    }
    for (const node of nodes) {
      const { named, held, starting } = node.processes.names()
      if (named < held || named > held + starting)
        return `${node.name} has ${named} processes that were started under names, and ${held} names`
      for (const name of holders.keys()) {
        if (node.processes.system.whereis(name) === undefined && !isChanging(name, nodes))
          return `${node.name} does not know ${name}`
      }
    }
    return undefined
  },
})

/** Whether somebody is about to start or stop what has the name. */
function isChanging(name: string, nodes: readonly MeshNode[]): boolean {
  return nodes.some(({ calls }) => [...calls].some(({ what }) => what.includes(`of ${name} `)))
}

const flatMemory = (): MeshInvariant => ({
  name: 'flat-memory',
  promise: 'the processes, names and waiting calls of a page stay in proportion to what it was asked for',
  sampled(world) {
    for (const { name, processes } of world.living()) {
      const { size, waitingCalls } = processes.system
      if (size > mostProcesses) return `${name} has ${size} processes`
      if (waitingCalls > mostCalls) return `${name} has ${waitingCalls} waiting calls`
    }
    return undefined
  },
})

/** Those that the processes of a world must keep, besides what its witness judges as it happens. */
export function processInvariants(): MeshInvariant[] {
  return [placedOnce(), formerStops(), entriesKept(), namesAgree(), flatMemory()]
}
