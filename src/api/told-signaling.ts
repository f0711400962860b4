import type { OpenSignaling } from '../links/index.js'
import type { Runtime } from '../runtime/index.js'

/** Has the log tell when the signalling server is lost and when it is back, once each: the mesh goes on, and shows neither. */
export function toldSignaling(open: OpenSignaling, runtime: Pick<Runtime, 'log'>): OpenSignaling {
  return (self, events) => {
    let isLost = false
    return open(self, {
      ...events,
      lost: () => {
        if (!isLost)
          runtime.log('info', 'the signalling server is away: trying again, and going on without it')
        isLost = true
        events.lost()
      },
      welcome: (peers, iceServers) => {
        if (isLost) runtime.log('info', 'the signalling server is back')
        isLost = false
        events.welcome(peers, iceServers)
      },
    })
  }
}
