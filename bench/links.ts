import { join } from 'node:path'
import process from 'node:process'
import { findChromium } from '../.ci/find-chromium.mjs'
import { type LinksResult, measureLinks } from './links/run.js'
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
  const idle = results.find(({ what }) => what === 'echo, p99')?.ringmesh ?? 0
  return results
    .filter((result) => result[peer] !== undefined)
    .map(({ what, unit, ringmesh, [peer]: of }) => ({
      name: what,
      value: ringmesh,
      unit,
      peer: of as number,
      ...(peer === 'raw' && targets[what]),
      ...(what === 'urgent echo under bulk, p99' && { atMost: underBulkAtMost * idle }),
    }))
}

/** Links between real tabs, beside raw data channels and peerjs between the same tabs. */
export const bench: Bench = {
  about: 'links between tabs of one Chromium, beside raw data channels and peerjs between the same tabs',
  run: async (progress) => {
    // `npm run` starts in the package's folder; the pages are bundled from their source there.
    const folder = join(process.cwd(), 'bench/links')
    const links = await measureLinks(folder, await findChromium(), progress)
    return [
      {
        title: 'Links',
        peer: 'a raw RTCDataChannel',
        figures: figures(links, 'raw'),
        notes: [
          'Small messages are of 64 bytes, bulk is messages of 16 KiB, the same for all; medians of five rounds taken in turns.',
          'A raw channel and that of peerjs are given up to 1 MiB at once and more at a quarter of it; ringmesh has its own queue and window.',
          'Under bulk the raw channel has a second one beside it for the urgent, as one would do by hand.',
          'A ratio of times is better below one.',
        ],
      },
      { title: 'The same', peer: 'peerjs 1.5.5, binary, reliable', figures: figures(links, 'peerjs') },
    ]
  },
}
