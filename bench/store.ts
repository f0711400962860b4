import { join } from 'node:path'
import process from 'node:process'
import { findChromium } from '../.ci/find-chromium.mjs'
import type { FakeClusterOptions } from '../src/mesh/testing/fake-cluster.js'
import { HashRing } from '../src/ring/index.js'
import { StoreRig } from '../src/store/testing/store-rig.js'
import type { Message } from '../src/wire/index.js'
import { bytesKept } from './measure.js'
import { inFlight, measureTabs, tabs } from './store/run.js'
import type { Bench, Table } from './table.js'

/** A network that costs nothing, with messages that are encoded and decoded as on a real one. */
const network: FakeClusterOptions = { ring: (nodes) => new HashRing(nodes) }
const echo: Message = { type: 'mesh.user', body: new Uint8Array(64) }
const value = { name: 'Ada Lovelace', born: 1815, tags: ['mathematics', 'poetry'] }

/** Microseconds that one run takes, of the fastest of some rounds; `rest` follows each and is not counted. */
async function fastest(
  rounds: number,
  runs: number,
  rest: () => void,
  round: (number: number) => Promise<void>,
): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let number = 0; number < rounds; number++) {
    const start = performance.now()
    await round(number)
    least = Math.min(least, ((performance.now() - start) * 1000) / runs)
    rest()
  }
  return least
}

async function calls(progress: (line: string) => void): Promise<Table> {
  progress('echo, put and get')
  const rig = new StoreRig(['a', 'b', 'c'], network)
  const runs = 500
  const store = rig.store('a')
  const { net, time } = rig
  // Virtual time keeps time-outs that were cancelled until they fall due.
  const rest = () => time.advance(15_000)
  net.cluster('b').serve('mesh.user', (message, request) => request.reply(message))
  const echoed = await fastest(20, runs, rest, async () => {
    for (let run = 0; run < runs; run++) net.cluster('a').request('b', echo, 1000, () => {})
    time.advance(50)
  })
  const put = await fastest(20, runs, rest, async (round) => {
    const puts = Array.from({ length: runs }, (_, run) => store.put(`key ${round} ${run}`, value))
    await Promise.resolve()
    time.advance(50)
    await Promise.all(puts)
  })
  const got = await fastest(20, runs, rest, async (round) => {
    for (let run = 0; run < runs; run++) await store.get(`key ${round} ${run}`)
  })
  return {
    title: 'Processor time of a call, three peers in one process, no network between them',
    peer: 'a raw echo',
    figures: [
      { name: 'raw echo, 64 bytes', value: echoed, unit: 'µs' },
      {
        name: 'put, replicas 3, writes 2: the work of all three peers',
        value: put,
        unit: 'µs',
        peer: echoed,
      },
      { name: 'get of a key that is held locally', value: got, unit: 'µs', atMost: 20 },
    ],
    notes: ['A put is two requests and three times the storing; they travel at the same time.'],
  }
}

async function moving(progress: (line: string) => void): Promise<Table> {
  progress('repair')
  const megabytes = 10
  const size = 1024
  const count = (megabytes * 1024 * 1024) / size
  const content = new Uint8Array(size).fill(7)
  const rig = new StoreRig(['a', 'b', 'c', 'd'], { ...network, suspectAfter: 1_000, deadAfter: 2_000 })
  for (let number = 0; number < count; number++) {
    const key = `key ${number}`
    const record = { store: 's', replicas: 3, key, kind: 0, version: '019b76da00000000-x', content }
    for (const id of rig.net.cluster('a').ring.owners(key, 3))
      rig.service(id).coordinator.repair(record, [id])
  }
  rig.time.advance(20_000)
  rig.net.crash('d')
  const crashed = performance.now()
  const virtual = rig.time.now
  const isWhole = () => ['a', 'b', 'c'].every((id) => rig.service(id).stats().keys === count)
  while (!isWhole()) rig.time.advance(20)
  const repair = (performance.now() - crashed) / 1000
  const moved = ['a', 'b', 'c'].reduce((sum, id) => sum + rig.service(id).stats().bytesReceived, 0) / 2 ** 20
  return {
    title: `Repair after a crash, four peers, ${megabytes} MB in keys of 1 KiB, three copies each`,
    figures: [
      { name: 'processor time until every key has three copies again', value: repair, unit: 's', atMost: 3 },
      { name: 'moved', value: moved, unit: 'MB' },
      {
        name: 'after the crash, 1 s of it until the suspicion',
        value: (rig.time.now - virtual) / 1000,
        unit: 's',
      },
    ],
    notes: ['All four peers share one thread here, so the time is that of both ends of every transfer.'],
  }
}

function memory(progress: (line: string) => void): Table {
  progress('memory')
  const count = 100_000
  const rig = new StoreRig(['a'], network)
  const bytes = bytesKept(() => {
    for (let number = 0; number < count; number++) {
      const version = `019b76da${(number & 0xffff).toString(16).padStart(8, '0')}-aaaaaaaaaaaaaaaaaaaa`
      const content = new Uint8Array(16)
      rig
        .service('a')
        .coordinator.repair({ store: 's', replicas: 3, key: `user:${number}`, kind: 0, version, content }, [
          'a',
        ])
    }
    return rig
  })
  return {
    title: `Memory of ${count.toLocaleString('en')} keys with values of 16 bytes on one peer`,
    figures: [{ name: 'a key, its value and version', value: bytes / count, unit: 'B' }],
  }
}

/** What stores do over real links, as users meet them. */
async function realTabs(progress: (line: string) => void): Promise<Table> {
  // `npm run` starts in the package's folder; the page is bundled from its source there.
  const page = join(process.cwd(), 'bench/store/page.ts')
  const { echo, put, get, sustained, lost, repair, repairFromSuspicion } = await measureTabs(
    page,
    await findChromium(),
    progress,
  )
  return {
    title: `${tabs} tabs of one Chromium, replicas 3, writes 2, each tab keeping its share in IndexedDB`,
    peer: 'a raw echo',
    figures: [
      { name: 'raw echo of 64 bytes between two of the tabs, p50', value: echo, unit: 'ms' },
      { name: 'acknowledged put, p50', value: put, unit: 'ms', peer: echo, atMost: 2.5 * echo },
      { name: 'get of a key that is held in the tab', value: 1000 * get, unit: 'µs', atMost: 20 },
      {
        name: `sustained puts of all tabs, ${inFlight} in flight from each`,
        value: sustained,
        unit: '/s',
      },
      { name: 'a tab crashes that holds', value: lost, unit: 'MB' },
      { name: 'every copy is made again, from the crash', value: repair / 1000, unit: 's' },
      {
        name: 'every copy is made again, from the first suspicion',
        value: repairFromSuspicion / 1000,
        unit: 's',
        atMost: 3,
      },
    ],
    notes: [
      'Echo and put are taken in turns, so that both see the same machine; the echo is of a raw RTCDataChannel.',
    ],
  }
}

export const bench: Bench = {
  about: 'sharded state: what calls, repair and keys cost',
  run: async (progress) => [
    await realTabs(progress),
    await calls(progress),
    await moving(progress),
    memory(progress),
  ],
}
