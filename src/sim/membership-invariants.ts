import type { Invariant, Phase } from './invariant.js'
import type { Belief } from './membership-node.js'
import type { BeliefChange, MembershipWorld } from './membership-world.js'
import { equalRings, fairTurns } from './ring-invariants.js'

/** A leap of 1,024 every half second of the longest run that anybody waits for; the wire ends at 2^40. */
const farBelowTheEnd = 2 ** 31

type MembershipInvariant = Invariant<MembershipWorld, BeliefChange>

/** A peer's incarnation is its own: no other peer ever believes in a higher one. */
const ownerRaises = (): MembershipInvariant => ({
  name: 'only-the-owner-raises',
  promise: 'no peer believes in an incarnation of another that the other has not taken yet',
  changed(world, { observer, node, now }) {
    if (world.wasHostile || node === undefined || node === observer || node.page === 'gone') return undefined
    const own = node.membership.member(node.info.id)?.incarnation ?? 0
    if (now.incarnation <= own) return undefined
    return `${observer.name} believes in incarnation ${now.incarnation} of ${node.name}, which is at ${own}`
  },
})

/** Whether somebody had been made to believe in an incarnation that its owner never took. */
function retractsLie({ wasHostile }: MembershipWorld, { node, before }: BeliefChange): boolean {
  if (!wasHostile || node === undefined || before === undefined) return false
  const own = node.membership.member(node.info.id)?.incarnation ?? 0
  return before.incarnation > own
}

/** What a peer says of itself must stay within what the wire carries, or it can never answer anybody again. */
const ownWordIsSendable = (): MembershipInvariant => ({
  name: 'own-word-is-sendable',
  promise: 'whatever others say of a peer, its own incarnation stays far below the end of what can be sent',
  changed(_world, { observer, node, now }) {
    if (node !== observer || now.incarnation < farBelowTheEnd) return undefined
    return `${observer.name} was driven to incarnation ${now.incarnation}`
  },
})

const incarnationNeverFalls = (): MembershipInvariant => ({
  name: 'incarnation-never-falls',
  promise: 'a peer that is remembered never gets an older incarnation, unless that was a lie',
  changed(world, change) {
    const { observer, subject, now, before } = change
    if (before === undefined || now.incarnation >= before.incarnation) return undefined
    if (retractsLie(world, change)) return undefined
    return `${observer.name} went from incarnation ${before.incarnation} of ${subject} back to ${now.incarnation}`
  },
})

const noReturn = (): MembershipInvariant => ({
  name: 'no-return-from-the-dead',
  promise: 'who is dead or has left comes back with a higher incarnation only',
  changed(world, change) {
    const { observer, subject, now, before } = change
    if (before === undefined || now.incarnation > before.incarnation) return undefined
    if (retractsLie(world, change)) return undefined
    const wasGone = before.state === 'dead' || before.state === 'left'
    const isGone = now.state === 'dead' || now.state === 'left'
    if (!wasGone || isGone) return undefined
    return `${observer.name} believed ${subject} ${before.state} and now ${now.state}, both in incarnation ${now.incarnation}`
  },
})

const precedence: Readonly<Record<Belief['state'], number>> = {
  joining: 0,
  alive: 0,
  parked: 1,
  leaving: 1,
  suspect: 2,
  dead: 3,
  left: 4,
}

/** Merge order within one incarnation: left > dead > suspect > parked > alive. Joining and leaving come before and after by the peer's own word. */
const mergeOrder = (): MembershipInvariant => ({
  name: 'merge-order',
  promise: 'within one incarnation a belief only ever moves from alive to parked, suspect, dead, left',
  changed(_world, { observer, subject, node, now, before }) {
    if (before === undefined || now.incarnation !== before.incarnation || node === observer) return undefined
    if (precedence[now.state] >= precedence[before.state]) return undefined
    return `${observer.name} went from ${before.state} to ${now.state} of ${subject} within incarnation ${now.incarnation}`
  },
})

/**
 * The heart of the matter: whoever runs, is reachable and has had no fault of the network or of
 * its own page upon it is never buried, by the sleepers that wake no more than by the others.
 */
const noFalseDeath = (): MembershipInvariant => {
  // Who was buried, in which incarnation: news of an earlier burial may reach a sleeper long after the return.
  const buried = new Set<string>()
  return {
    name: 'no-false-death',
    promise: 'a peer that is well and can be reached is never declared dead',
    changed(world, { observer, node, now }) {
      if (now.state !== 'dead' || node === undefined) return undefined
      const grave = `${node.number}/${now.incarnation}`
      if (buried.has(grave)) return undefined
      buried.add(grave)
      if (node.page === 'gone' || node.runtime.isFrozen || world.time.now < node.excusedUntil)
        return undefined
      return `${observer.name} declared ${node.name} dead, which is well and can be reached`
    },
  }
}

/** A timer that fires later than this proves nothing (DESIGN.md, membership, rule 2). */
const lateTimer = 1_000

/** Milliseconds after a late timer before anything can be proved by a new probe, whatever its time-outs. */
const nothingProvedFor = 250

/** A gap of 2.5 periods of 2 s is a sleep (rule 3), and no verdict is given for 6 s after one. */
const sleepAfter = 5_000
const silentAfterSleep = 6_000

/**
 * Whoever was asleep or busy has missed the answers, not the others their turn to answer: it may
 * not be the first to accuse anyone, rightly or wrongly, until it has asked anew.
 */
const wakingProvesNothing = (): MembershipInvariant => {
  const accused = new Set<string>()
  return {
    name: 'waking-proves-nothing',
    promise: 'a page that slept accuses nobody before it has asked anew',
    changed(world, { observer, node, now }) {
      if (node === undefined || (now.state !== 'suspect' && now.state !== 'dead')) return undefined
      const accusation = `${node.number}/${now.incarnation}`
      if (accused.has(accusation)) return undefined
      accused.add(accusation)
      if (world.wasHostile) return undefined
      const { thawedAt, sleptFor, lateness } = observer.runtime
      const awakeFor = world.time.now - thawedAt
      const silence = sleptFor > sleepAfter ? silentAfterSleep : lateness > lateTimer ? nothingProvedFor : 0
      if (awakeFor >= silence) return undefined
      return `${observer.name} slept for ${seconds(sleptFor)} and ${seconds(awakeFor)} after it woke was the first to call ${node.name} ${now.state}`
    },
  }
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(3)} s`
}

const saysGoodbyeOnly = (): MembershipInvariant => ({
  name: 'left-by-own-word-only',
  promise: 'nobody is believed to have left who has not said so',
  changed(world, { observer, node, now }) {
    if (now.state !== 'left' || node === undefined || world.wasHostile) return undefined
    if (node.page === 'gone' || node.page === 'leaving') return undefined
    return `${observer.name} believes that ${node.name} left, which is ${node.page}`
  },
})

/** Timers a node may have set beyond a few for each peer it knows. */
const timersPerPeer = 4
const timersOfOwn = 200

const boundedMemory = (): MembershipInvariant => ({
  name: 'bounded-memory',
  promise: 'timers and members kept by a node stay in proportion to the peers there have been',
  sampled(world) {
    const peers = world.nodes.length + world.ghosts
    for (const node of world.nodes) {
      if (node.page === 'gone') continue
      if (node.runtime.timers > peers * timersPerPeer + timersOfOwn) {
        return `${node.name} has ${node.runtime.timers} timers set among ${peers} peers`
      }
      const known = node.membership.members().length
      if (known > peers) return `${node.name} knows ${known} members where there were ${peers}`
    }
    return undefined
  },
})

const convergence = (): MembershipInvariant => ({
  name: 'convergence',
  promise: 'when the faults are over, all nodes soon believe of all others what is so',
  ended(world, phase: Phase) {
    if (phase === 'safety' || world.mistakes === 0) return undefined
    const wrong: string[] = []
    for (const observer of world.nodes) {
      for (const subject of world.nodes) {
        if (observer.wrong[subject.number] !== true) continue
        const belief = observer.beliefs.get(subject.info.id)
        wrong.push(
          `${observer.name} believes ${subject.name} ${belief?.state ?? 'unknown'}, it is ${subject.page}`,
        )
      }
    }
    return `${world.mistakes} beliefs are wrong: ${wrong.slice(0, 5).join('; ')}`
  },
})

/** Fresh invariants for one run. After every event: those that look at changes. Every second: turns and memory. At the end: convergence. */
export function membershipInvariants(): MembershipInvariant[] {
  return [
    incarnationNeverFalls(),
    ownWordIsSendable(),
    ownerRaises(),
    noReturn(),
    mergeOrder(),
    noFalseDeath(),
    wakingProvesNothing(),
    saysGoodbyeOnly(),
    equalRings(),
    fairTurns(),
    boundedMemory(),
    convergence(),
  ]
}
