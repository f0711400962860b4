import { join } from 'node:path'
import process from 'node:process'
import { findChromium } from '../.ci/find-chromium.mjs'
import { type LinksResult, measureLinks } from './links/run.js'
import type { Bench, Figure } from './table.js'

/** What a figure is to be, as a ratio to the raw channel: the least, or the most. */
const targets: Readonly<Record<LinksResult['what'], Pick<Figure, 'ratioAtLeast'>>> = {
  'small messages': { ratioAtLeast: 3 },
  bulk: { ratioAtLeast: 0.95 },
}

/** Links between two real tabs, beside a raw data channel between the same tabs. */
export const bench: Bench = {
  about: 'links between two tabs of one Chromium, beside a raw RTCDataChannel between the same tabs',
  run: async (progress) => {
    // `npm run` starts in the package's folder; the page is bundled from its source there.
    const page = join(process.cwd(), 'bench/links/page.ts')
    const results = await measureLinks(page, await findChromium(), progress)
    return [
      {
        title: 'Links',
        peer: 'a raw RTCDataChannel',
        figures: results.map(({ what, unit, ringmesh, raw }) => ({
          name: what,
          value: ringmesh,
          unit,
          ...(raw !== undefined && { peer: raw }),
          ...targets[what],
        })),
        notes: [
          'Small messages are of 64 bytes; bulk is messages of 16 KiB; medians of three rounds taken in turns.',
          'An echo under bulk is an urgent message behind as much bulk as the queue takes. A raw channel has no such thing.',
          'A ratio of times is better below one; the aims are 1.15 for an echo, and 3 × idle for its p99 under bulk.',
        ],
      },
    ]
  },
}
