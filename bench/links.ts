import { join } from 'node:path'
import process from 'node:process'
import { findChromium } from '../.ci/find-chromium.mjs'
import { type LinksResult, measureLinks, type PairResults } from './links/run.js'
import type { Bench, Figure } from './table.js'

/** What a figure is to be, as a ratio to the raw channel: the least, or the most. */
const targets: Readonly<Record<string, Pick<Figure, 'ratioAtLeast' | 'ratioAtMost'>>> = {
  'echo, p50': { ratioAtMost: 1.15 },
  'small messages': { ratioAtLeast: 3 },
  bulk: { ratioAtLeast: 0.95 },
}

/** An urgent round trip under bulk is to take at most this many times the one without. */
const underBulkAtMost = 3

function figures(results: readonly LinksResult[], peer: 'raw' | 'peerjs'): Figure[] {
  return results
    .filter((result) => result[peer] !== undefined)
    .map(({ what, unit, ringmesh, [peer]: of, ratios }) => ({
      name: what,
      value: ringmesh,
      unit,
      peer: of as number,
      ratio: ratios[peer] as number,
      ...(peer === 'raw' && targets[what]),
    }))
}

/** The ways of sending that are measured under bulk, as a reader is to see them. */
const ways: Readonly<Record<string, string>> = {
  ringmesh: 'ringmesh',
  pacedAlike: 'raw, a second connection, bulk held to the speed it had beside those',
  twoChannels: 'raw, a second channel',
  twoConnections: 'raw, a second connection',
  paced: 'the same, bulk held to 0.95 of its speed',
}

/** Urgent round trips beside bulk, each as times the same transport's when idle, and the bulk beside the raw channel's alone. */
function underBulk({ links, underBulk: results }: PairResults): Figure[] {
  const idle = results.find(({ transport }) => transport === 'idle')
  const idleRaw = results.find(({ transport }) => transport === 'idleRaw')
  const bulk = links.find(({ what }) => what === 'bulk')?.raw
  return results.flatMap((result): Figure[] => {
    if (result === idle || result === idleRaw) return []
    const { transport, pause, p50, p99, toIdle, bulk: rate } = result
    const isOurs = transport === 'ringmesh'
    const name = `${ways[transport]}${pause > 0 ? `, one every ${pause} ms` : ''}`
    const alone = isOurs ? idle : idleRaw
    return [
      { name: `${name}: p50`, value: p50, unit: 'ms', ...(alone && { peer: alone.p50, ratio: toIdle.p50 }) },
      {
        name: `${name}: p99`,
        value: p99,
        unit: 'ms',
        ...(alone && { peer: alone.p99, ratio: toIdle.p99 }),
        ...(isOurs && pause === 0 && { ratioAtMost: underBulkAtMost }),
      },
      { name: `${name}: bulk meanwhile`, value: rate, unit: 'MB/s', ...(bulk && { peer: bulk }) },
    ]
  })
}

/** Links between real tabs, beside raw data channels and peerjs between the same tabs. */
export const bench: Bench = {
  about: 'links between tabs of one Chromium, beside raw data channels and peerjs between the same tabs',
  run: async (progress) => {
    // `npm run` starts in the package's folder; the pages are bundled from their source there.
    const folder = join(process.cwd(), 'bench/links')
    const results = await measureLinks(folder, await findChromium(), progress)
    const { links } = results
    return [
      {
        title: 'Links',
        peer: 'a raw RTCDataChannel',
        figures: figures(links, 'raw'),
        notes: [
          'Small messages are of 64 bytes, bulk is messages of 16 KiB, the same for all.',
          'Medians of 24 rounds of 500 echoes, 12 of 20,000 small messages, 40 of 500 of bulk, in turns; a ratio is the median of those within the rounds.',
          'A raw channel and that of peerjs are given up to 1 MiB at once and more at a quarter of it; ringmesh has its own queue and window.',
          'A ratio of times is better below one.',
        ],
      },
      {
        title: 'Urgent echo under bulk',
        peer: 'its own echoes without bulk, in the same rounds; of bulk, the raw channel without the echoes',
        figures: underBulk(results),
        notes: [
          'One after the other, each as soon as the one before was answered, where nothing else is said.',
          'Medians of seven rounds; a ratio to the idle echoes is the median of those within the rounds.',
          'The raw ones do by hand what a program could: what they take is the floor of this machine.',
        ],
      },
      { title: 'Links', peer: 'peerjs 1.5.5, binary, reliable', figures: figures(links, 'peerjs') },
    ]
  },
}
