import { InvalidOption } from '../errors/index.js'

/** Every fault the simulator knows, and what it does. The keys are the names that `--faults` takes. */
export const faultKinds = {
  // The network.
  loss: 'more frames are lost',
  duplicate: 'frames arrive more than once',
  reorder: 'frames overtake each other',
  tail: 'frames are seconds late',
  'one-way': 'frames of some nodes to all others are lost, the way back works',
  split: 'the nodes fall into two groups that hear nothing of each other, then heal',
  'link-failure': 'single links fail while the signalling server works; both ends get a hint',
  // The signalling server.
  'server-down': 'no introductions and no hints',
  'server-restart': 'every socket closes; all nodes come back and are introduced again',
  'server-lies': 'it says of healthy nodes that their socket closed, and introduces nodes that never were',
  // The pages.
  crash: 'a page dies without a word; its socket to the server closes at once',
  'silent-crash': 'a page dies without a word and nobody is told',
  close: 'a page is closed and says `left`',
  'close-without-left': 'a page is closed without a word; its channels and its socket close',
  leave: 'a page leaves of its own will, hands over and says `left`',
  hide: 'a page is hidden: it announces `parked`, its timers fire once a second',
  freeze: 'a page stops, timers and frames wait, then flood it',
  stall: 'a page is busy for a few seconds: timers and frames wait, nothing tells it so afterwards',
  'hide-and-freeze': 'a page is hidden, then frozen, as browsers do',
  'second-timers': 'timers fire once a second, with no announcement',
  'minute-timers': 'timers fire once a minute, with no announcement',
  discard: 'a hidden page is thrown away and opened again later',
  reload: 'a page is reloaded: `left`, and at once a new page',
  'clock-jump': 'the wall clock is set forward or back by up to a day',
  'mass-join': 'as many pages again are opened within a second',
  'mass-leave': 'a third of the pages is closed within a second',
  hostile: 'a member sends frames of random but valid content',
} as const satisfies Readonly<Record<string, string>>

/** The name of a kind of fault. */
export type FaultKind = keyof typeof faultKinds

/** One fault of one run. */
export interface Fault {
  readonly kind: FaultKind
  /** Milliseconds after the start of the safety phase. */
  readonly at: number
  /** Milliseconds; 0 for what happens at once. */
  readonly duration: number
  /** Numbers of the nodes that it strikes, in the order of joining; none where it strikes the network or the server. */
  readonly nodes: readonly number[]
  /** A probability, or milliseconds, as the kind has it; 0 where it has none. */
  readonly amount: number
}

/** @throws {InvalidOption} when no fault has this name */
export function checkFaultKind(name: string, option: string): FaultKind {
  if (Object.hasOwn(faultKinds, name)) return name as FaultKind
  throw new InvalidOption(option, name, `must be among ${Object.keys(faultKinds).join(', ')}`)
}

/**
 * Writes a fault as one word: `kind@at+duration:node.node=amount`, times in milliseconds. What is
 * 0 or empty is left out. {@link parseFaults} reads it back.
 */
export function formatFault(fault: Fault): string {
  let text = `${fault.kind}@${fault.at}`
  if (fault.duration > 0) text += `+${fault.duration}`
  if (fault.nodes.length > 0) text += `:${fault.nodes.join('.')}`
  if (fault.amount !== 0) text += `=${fault.amount}`
  return text
}

const written =
  /^([a-z-]+)@(\d{1,9})(?:\+(\d{1,9}))?(?::(\d{1,4}(?:\.\d{1,4})*))?(?:=(-?\d{1,9}(?:\.\d{1,9})?))?$/

/** A list of faults: kinds to be planned from the seed, and faults that say all themselves. */
export interface FaultList {
  readonly kinds: readonly FaultKind[]
  readonly exact: readonly Fault[]
}

/**
 * Reads `--faults`: words with commas between, each a kind (`freeze`: when and whom is planned from
 * the seed), an exact fault (`freeze@20000+8000:3`), `all` or `none`.
 *
 * @throws {InvalidOption} naming the word that is no fault
 */
export function parseFaults(list: string, option = 'sim.faults'): FaultList {
  const kinds: FaultKind[] = []
  const exact: Fault[] = []
  for (const word of list.split(',')) {
    if (word === 'none') continue
    if (word === 'all') kinds.push(...(Object.keys(faultKinds) as FaultKind[]))
    else if (word.includes('@')) exact.push(parseFault(word, option))
    else kinds.push(checkFaultKind(word, option))
  }
  return { kinds: [...new Set(kinds)], exact }
}

function parseFault(word: string, option: string): Fault {
  const match = written.exec(word)
  if (match === null)
    throw new InvalidOption(option, word, 'must be written kind@at+duration:node.node=amount')
  const [, kind = '', at, duration = '0', nodes = '', amount = '0'] = match
  return {
    kind: checkFaultKind(kind, option),
    at: Number(at),
    duration: Number(duration),
    nodes: nodes === '' ? [] : nodes.split('.').map(Number),
    amount: Number(amount),
  }
}
