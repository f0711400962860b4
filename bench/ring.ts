import { createRequire } from 'node:module'
import { HashRing, keyPosition, partitions, RoundRobin } from '../src/ring/index.js'
import { bytesKept, shortestTimes } from './measure.js'
import type { Bench, Table } from './table.js'

/** What is used of the npm package `hashring`, which has no types of its own. */
interface KetamaRing {
  get(key: string): string
  range(key: string, size: number, unique: boolean): string[]
  add(server: string): void
  remove(server: string): void
}
const require = createRequire(import.meta.url)
const KetamaRing = require('hashring') as new (servers: readonly string[]) => KetamaRing
const peer = `hashring ${(require('hashring/package.json') as { version: string }).version}`

const names = (count: number, prefix = 'peer'): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`)
const key = (index: number): string => `user:${index}`

const keys = 1_000_000
/** For what is asked of `hashring` again and again, at a few microseconds each. */
const fewerKeys = 100_000

function fullest(owner: (key: string) => string | undefined): number {
  const counts = new Map<string | undefined, number>()
  for (let index = 0; index < keys; index++) {
    const id = owner(key(index))
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  return Math.max(...counts.values()) / (keys / counts.size)
}

function balance(progress: (line: string) => void): Table {
  progress('balance of a million keys')
  const ids = names(100)
  const ring = new HashRing(ids)
  const ketama = new KetamaRing(ids)
  const rings = 200
  const fullestShares: number[] = []
  for (let round = 0; round < rings; round++) {
    const others = names(100, `set ${round}, peer`)
    const other = new HashRing(others)
    fullestShares.push(Math.max(...others.map((id) => other.share(id))) * 100)
  }
  fullestShares.sort((a, b) => a - b)
  return {
    title: 'Balance: 100 equal nodes, 1,000,000 keys, fullest node ÷ mean',
    peer,
    figures: [
      {
        name: 'ringmesh',
        value: fullest((key) => ring.owner(key)),
        unit: '',
        peer: fullest((key) => ketama.get(key)),
        atMost: 1.1,
      },
      {
        name: `ringmesh, exact shares, median of ${rings} rings`,
        value: fullestShares[rings / 2] ?? 0,
        unit: '',
      },
      {
        name: `ringmesh, exact shares, worst of ${rings} rings`,
        value: fullestShares.at(-1) ?? 0,
        unit: '',
        atMost: 1.1,
      },
    ],
  }
}

/** How many of the keys have another owner, and how many of those neither went to nor came from `node`. */
function moves(
  before: readonly string[],
  after: readonly string[],
  node: string,
): { moved: number; between: number } {
  let moved = 0
  let between = 0
  for (const [index, owner] of before.entries()) {
    if (owner === after[index]) continue
    moved++
    if (owner !== node && after[index] !== node) between++
  }
  return { moved, between }
}

function movement(progress: (line: string) => void): Table {
  progress('movement on a join and a leave')
  const ids = names(100)
  const ring = new HashRing(ids)
  const ketama = new KetamaRing(ids)
  const sample = Array.from({ length: keys }, (_, index) => key(index))
  const few = sample.slice(0, fewerKeys)
  const owners = (): string[] => sample.map((key) => ring.owner(key) ?? '')
  const ketamaOwners = (): string[] => few.map((key) => ketama.get(key))

  const before = ring.clone()
  const [old, ketamaOld] = [owners(), ketamaOwners()]
  ring.add('newcomer')
  ketama.add('newcomer')
  const joined = ring.clone()
  const [now, ketamaNow] = [owners(), ketamaOwners()]
  const join = moves(old, now, 'newcomer')
  const ketamaJoin = moves(ketamaOld, ketamaNow, 'newcomer')
  ring.remove('peer-7')
  ketama.remove('peer-7')
  const leave = moves(now, owners(), 'peer-7')
  const ketamaLeave = moves(ketamaNow, ketamaOwners(), 'peer-7')

  const averageOver = 300
  let shares = 0
  for (let round = 0; round < averageOver; round++) {
    const larger = before.clone()
    larger.add(`newcomer ${round}`)
    shares += before.moved(larger)
  }
  const exact = { atLeast: 1, atMost: 1 }
  return {
    title: 'Movement: one of 100 equal nodes more, then one less',
    peer,
    figures: [
      {
        name: 'join: key space moved ÷ share of the newcomer',
        value: before.moved(joined) / joined.share('newcomer'),
        unit: '',
        ...exact,
      },
      {
        name: 'leave: key space moved ÷ share of who left',
        value: joined.moved(ring) / joined.share('peer-7'),
        unit: '',
        ...exact,
      },
      {
        name: `join: key space moved ÷ 1/101, mean of ${averageOver} newcomers`,
        value: (shares / averageOver) * 101,
        unit: '',
        atLeast: 0.99,
        atMost: 1.01,
      },
      {
        name: 'join: keys moved between the others',
        value: join.between,
        unit: `of ${keys.toLocaleString('en-US')}`,
        atMost: 0,
      },
      {
        name: 'leave: keys moved between the others',
        value: leave.between,
        unit: `of ${keys.toLocaleString('en-US')}`,
        atMost: 0,
      },
      {
        name: 'join: part of the keys moved',
        value: (join.moved / keys) * 100,
        unit: '%',
        peer: (ketamaJoin.moved / fewerKeys) * 100,
      },
      {
        name: 'leave: part of the keys moved',
        value: (leave.moved / keys) * 100,
        unit: '%',
        peer: (ketamaLeave.moved / fewerKeys) * 100,
      },
    ],
    notes: [
      `${peer} moved ${ketamaJoin.between} and ${ketamaLeave.between} of ${fewerKeys.toLocaleString('en-US')} keys between the others.`,
    ],
  }
}

function speed(progress: (line: string) => void): Table {
  progress('lookups')
  const ids = names(100)
  const ring = new HashRing(ids)
  ring.share('peer-0')
  const ketama = new KetamaRing(ids)
  const sample = Array.from({ length: fewerKeys }, (_, index) => key(index))
  // Each turn takes other keys than the last, so that a cache of keys helps only where it is meant to; and each loop
  // stands for itself, as a shared one would call what it measures through a pointer.
  let at = 0
  const next = (count: number): string[] => {
    const batch = sample.slice(at, at + count)
    at = (at + count) % (fewerKeys - 20_000)
    return batch
  }
  const hot = sample.slice(-4000)
  const hotPeer = new KetamaRing(ids)
  let seen = 0
  const times = shortestTimes(
    {
      owner: () => {
        const batch = next(20_000)
        for (const key of batch) if (ring.owner(key) !== undefined) seen++
        return batch.length
      },
      ketama: () => {
        const batch = next(4000)
        for (const key of batch) if (ketama.get(key) !== undefined) seen++
        return batch.length
      },
      hotOwner: () => {
        for (const key of hot) if (ring.owner(key) !== undefined) seen++
        return hot.length
      },
      hotKetama: () => {
        for (const key of hot) if (hotPeer.get(key) !== undefined) seen++
        return hot.length
      },
      owners: () => {
        const batch = next(20_000)
        for (const key of batch) seen += ring.owners(key, 3).length
        return batch.length
      },
      ketamaOwners: () => {
        const batch = next(4000)
        for (const key of batch) seen += ketama.range(key, 3, true).length
        return batch.length
      },
      hash: () => {
        const batch = next(20_000)
        for (const key of batch) seen += keyPosition(key)
        return batch.length
      },
    },
    6,
  )

  progress('building and changing rings of 1,000')
  const thousand = names(1000)
  const full = new HashRing(thousand)
  full.share('peer-0')
  let round = 0
  // Names that no ring had before, or its table would be found and not made.
  const fresh = (): string => `fresh ${round++}`
  const { ketamaBuild } = shortestTimes({ ketamaBuild: () => [new KetamaRing(thousand)].length }, 2)
  const changes = shortestTimes(
    {
      build: () => {
        new HashRing([...thousand.slice(1), fresh()]).share('peer-1')
        return 1
      },
      add: () => {
        const larger = full.clone()
        larger.add(fresh())
        larger.share('peer-0')
        return 1
      },
      remove: () => {
        const smaller = full.clone()
        smaller.remove(thousand[++round % 1000] as string)
        smaller.share('peer-0')
        return 1
      },
    },
    6,
  )
  const turn = new RoundRobin(names(20))
  const weighted = new RoundRobin(names(20).map((id, index) => ({ id, weight: 1 + (index % 4) })))
  const turns = shortestTimes(
    {
      equal: () => {
        for (let count = 0; count < 5000; count++) if (turn.next()) seen++
        return 5000
      },
      weighted: () => {
        for (let count = 0; count < 5000; count++) if (weighted.next()) seen++
        return 5000
      },
    },
    1,
  )
  if (seen < 0) throw new Error('nothing was looked up')
  const millions = (seconds: number): number => 1 / seconds / 1e6
  return {
    title: 'Speed, on this machine in this run',
    peer,
    figures: [
      {
        name: 'owner of a key, 100 nodes',
        value: millions(times.owner),
        unit: 'M/s',
        peer: millions(times.ketama),
        ratioAtLeast: 40,
      },
      {
        name: 'owner of one of 4,000 keys asked again and again (hashring caches 5,000)',
        value: millions(times.hotOwner),
        unit: 'M/s',
        peer: millions(times.hotKetama),
      },
      { name: 'position of a key alone', value: millions(times.hash), unit: 'M/s' },
      {
        name: '3 owners of a key, 100 nodes',
        value: millions(times.owners),
        unit: 'M/s',
        peer: millions(times.ketamaOwners),
      },
      {
        name: '1,000 nodes built, table and digest included',
        value: changes.build * 1000,
        unit: 'ms',
        peer: ketamaBuild * 1000,
        atMost: 30,
      },
      {
        name: 'one node added to 1,000, table and digest included',
        value: changes.add * 1000,
        unit: 'ms',
        atMost: 3,
      },
      {
        name: 'one node removed from 1,000, table and digest included',
        value: changes.remove * 1000,
        unit: 'ms',
      },
      { name: 'turns of RoundRobin, 20 equal nodes', value: millions(turns.equal), unit: 'M/s' },
      { name: 'turns of RoundRobin, 20 weighted nodes', value: millions(turns.weighted), unit: 'M/s' },
    ],
    notes: [
      'A ratio of times is below one where ringmesh is faster.',
      'libring (Elixir) does 17 × hashring in its own comparison; three times that is 52 ×.',
    ],
  }
}

function memory(progress: (line: string) => void): Table {
  progress('memory')
  const rings = 20
  let round = 0
  const kept = (size: number): number =>
    bytesKept(() =>
      Array.from({ length: rings }, () => {
        const ids = names(size, `memory ${round++}, peer`)
        const ring = new HashRing(ids)
        ring.share('a')
        return ring
      }),
    ) / rings
  kept(100)
  const [hundred, thousand] = [kept(100), kept(1000)]
  const ketama = bytesKept(() => new KetamaRing(names(1000)))
  return {
    title: 'Memory',
    peer,
    figures: [
      { name: 'a ring of 100 nodes', value: Math.round(hundred), unit: 'B' },
      { name: 'a ring of 1,000 nodes', value: Math.round(thousand), unit: 'B', peer: Math.round(ketama) },
      {
        name: 'each node of 1,000',
        value: Math.round(thousand / 1000),
        unit: 'B',
        peer: Math.round(ketama / 1000),
      },
      { name: 'each node more', value: Math.round((thousand - hundred) / 900), unit: 'B' },
      { name: 'the table of owners, once a ring however many nodes', value: partitions * 2, unit: 'B' },
    ],
  }
}

/** Balance, movement, speed and memory of the ring, beside the npm package `hashring`. */
export const bench: Bench = {
  about: 'the hash ring beside the npm package hashring (ketama, MD5)',
  run: (progress) => [balance(progress), movement(progress), speed(progress), memory(progress)],
}
