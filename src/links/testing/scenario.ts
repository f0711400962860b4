import { seededRandom, VirtualTime } from '../../runtime/index.js'
import { type Message, priorities } from '../../wire/index.js'
import { MemoryNetwork } from '../adapters/memory.js'
import { TestPeer, user } from './test-peer.js'

/** What a run of {@link runScenario} came to. */
export interface ScenarioResult {
  /** What went against the promises of a session; empty when all is well. */
  readonly violations: readonly string[]
  readonly sent: number
  readonly resends: number
  readonly replacements: number
  /** A digest of everything that arrived and when, for comparing runs of one seed. */
  readonly digest: number
}

/** By then the longest wait between two dials is over twice. In milliseconds. */
const longestSettling = 180_000

type LaneName = 'call' | 'bulk'
/** No replacement takes longer while the server is there: two greetings on a slow network. In milliseconds. */
const longestGap = 3_000

/**
 * Two peers send each other numbered messages, small and large, in two lanes, while links are
 * killed, go silent, or are refused, and the server goes and comes. Then all faults end, and
 * everything that was accepted must have arrived exactly once and in order; and as long as the
 * server was up the two must never have been without a link for longer than a replacement takes.
 */
export function runScenario(seed: number): ScenarioResult {
  const random = seededRandom(`scenario ${seed}`)
  const chance = (probability: number): boolean => random() < probability
  const time = new VirtualTime(seed)
  let isBlocked = false
  let isServerUp = true
  const slowness = 1 + random() * 40
  const network = new MemoryNetwork(time.runtime('network'), {
    delay: (_from, _to, way) => (way === 'direct' ? slowness : slowness * 2) * (0.5 + random()),
    passes: (_from, _to, way) => way === 'server' || !isBlocked,
    ...(chance(0.5) && { bytesPerMillisecond: 200 + random() * 10_000 }),
  })
  const violations: string[] = []
  let digest = 0
  const peers = ['a', 'b'].map((id) => new TestPeer(id, time.runtime(id), network))
  const streams = new Map<string, { sent: number; received: number }>()
  for (const from of ['a', 'b'])
    for (const lane of ['call', 'bulk']) streams.set(`${from} ${lane}`, { sent: 0, received: 0 })
  for (const peer of peers) {
    const from = peer.id === 'a' ? 'b' : 'a'
    peer.onValue = (value) => {
      const { lane, number, filling } = value as Numbered
      const stream = streams.get(`${from} ${lane}`)
      if (stream === undefined) return
      if (number !== stream.received)
        violations.push(`${from} ${lane}: ${number} arrived where ${stream.received} was due`)
      if (filling.length !== fillingOf(number) || (filling.at(-1) ?? 1) !== 1)
        violations.push(`${from} ${lane}: ${number} arrived changed`)
      stream.received = number + 1
      digest = (Math.imul(digest, 31) + number + Math.floor(time.now * 1000)) | 0
    }
  }
  time.advance(300)
  /** For how long each has been seen without a link while the server was there. */
  const gaps = new Map(peers.map((peer) => [peer.id, 0]))
  for (let step = 0; step < 120 && violations.length === 0; step++) {
    for (const peer of peers) {
      const to = peer.id === 'a' ? 'b' : 'a'
      for (const lane of ['call', 'bulk'] as const) {
        const count = Math.floor(random() * 3)
        for (let index = 0; index < count; index++) {
          const stream = streams.get(`${peer.id} ${lane}`)
          if (stream !== undefined && peer.links.send(to, numbered(lane, stream.sent), priorities[lane]))
            stream.sent++
        }
      }
    }
    // A fault must find something under way.
    time.advance(random() * 5 * slowness)
    if (chance(0.12)) network.breakLinks('a', 'b', chance(0.4))
    if (chance(0.05)) {
      isBlocked = !isBlocked
      network.refresh()
    }
    if (chance(0.04)) {
      isServerUp = !isServerUp
      network.setServer(isServerUp)
    }
    const wait = random() * random() * 3_000
    time.advance(wait)
    for (const { id, links } of peers) {
      const hasLink = links.kind(id === 'a' ? 'b' : 'a') !== 'none'
      const gap = hasLink || !isServerUp ? 0 : (gaps.get(id) ?? 0) + wait
      // The first wait may have begun with a link, and the server's return takes half a second.
      if (gap - wait > longestGap) violations.push(`${id} is without a link`)
      gaps.set(id, gap)
    }
  }
  isBlocked = false
  isServerUp = true
  network.setServer(true)
  const isSettled = (): boolean =>
    violations.length > 0 ||
    ([...streams.values()].every((stream) => stream.received === stream.sent) &&
      peers.every(({ id, links }) => links.queued(id === 'a' ? 'b' : 'a') === 0))
  for (let waited = 0; waited < longestSettling && !isSettled(); waited += 1_000) time.advance(1_000)
  let sent = 0
  for (const [name, stream] of streams) {
    sent += stream.sent
    if (stream.received !== stream.sent)
      violations.push(`${name}: ${stream.received} of ${stream.sent} arrived`)
  }
  let resends = 0
  let replacements = 0
  for (const peer of peers) {
    const stats = peer.links.stats()
    for (const link of Object.values(stats.peers)) {
      resends += link.resends
      replacements += link.replacements
      if (link.queued !== 0) violations.push(`${peer.id} still keeps ${link.queued} bytes`)
    }
    if (stats.resets > 0) violations.push(`${peer.id} saw its session end`)
    for (const [name, count] of Object.entries(stats.refused))
      if (name !== 'stranger' && name !== 'ungreeted' && name !== 'stale-greeting')
        violations.push(`${peer.id} refused ${count} × ${name}`)
  }
  return { violations, sent, resends, replacements, digest }
}

interface Numbered {
  readonly lane: LaneName
  readonly number: number
  readonly filling: Uint8Array
}

/** Every seventh message is cut into pieces. */
function fillingOf(number: number): number {
  return number % 7 === 6 ? 100_000 + number : number % 3
}

function numbered(lane: LaneName, number: number): Message {
  const filling = new Uint8Array(fillingOf(number))
  filling[filling.length - 1] = 1
  return user({ lane, number, filling } satisfies Numbered)
}
