import { createHmac } from 'node:crypto'
import type { Runtime } from '../../src/runtime/index.js'
import type { PeerInfo } from '../../src/wire/index.js'
import type { IceGrant } from '../rooms/index.js'

/** New credentials are handed out when so much of the old ones' time has passed, so that none is ever dialled with at its end. */
const renewAt = 0.75

/** Milliseconds by which a peer may be given them late: it is looked at once in a second (`sockets.ts`). */
const latest = 1_000

/** A TURN server that shares a secret with this one. */
export interface TurnOptions {
  readonly urls: readonly string[]
  readonly secret: string
  readonly ttlSeconds: number
}

/**
 * ICE servers for peers: those with lasting credentials as they are, and for TURN the time-limited
 * ones of draft-uberti-behave-turn-rest-00, which coturn checks with `use-auth-secret`: the user is
 * the time of expiry and the peer, the password its HMAC-SHA1 under the shared secret.
 */
export function iceServers(
  runtime: Runtime,
  fixed: IceGrant['servers'],
  turn: TurnOptions | undefined,
): (peer: PeerInfo) => IceGrant {
  if (turn === undefined) return () => ({ servers: fixed })
  return (peer) => {
    const username = `${Math.floor(runtime.wallClock() / 1000) + turn.ttlSeconds}:${peer.id}`
    const credential = createHmac('sha1', turn.secret).update(username).digest('base64')
    return {
      servers: [...fixed, { urls: [...turn.urls], username, credential }],
      renewAfter: turn.ttlSeconds * 1000 * renewAt - latest,
    }
  }
}
