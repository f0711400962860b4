import { join } from 'node:path'
import process from 'node:process'
import { findChromium } from '../.ci/find-chromium.mjs'
import { measureMesh } from './links/run.js'
import type { Bench } from './table.js'

/** Many real tabs until each is linked to each, beside the same with bare connections. */
export const bench: Bench = {
  about: 'a full mesh of tabs of one Chromium, beside the same made with bare RTCPeerConnections',
  run: async (progress) => {
    const folder = join(process.cwd(), 'bench/links')
    const { tabs, ringmesh, bare } = await measureMesh(folder, await findChromium(), progress)
    return [
      {
        title: `Full mesh of ${tabs} tabs`,
        peer: 'bare RTCPeerConnections, all at once',
        figures: [{ name: 'all linked', value: ringmesh, unit: 'ms', peer: bare, ratioAtMost: 1.3 }],
        notes: ['Both signalled over one BroadcastChannel; medians of five rounds taken in turns.'],
      },
    ]
  },
}
