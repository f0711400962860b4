import type { ConnectionDescription } from './connection-description.js'
import type { CarriedMessage } from './peer-server-transport.js'

/** How a DataConnection of ours is made; `raw`: its messages are frames, with nothing of PeerJS's around them. */
export const dataConnection = { label: 'ringmesh', serialization: 'raw', reliable: true } as const

const connectionPrefix = 'ringmesh-'

/** The id of the DataConnection that a dial makes: by it the other end knows the dial. */
export function connectionOf(dial: number): string {
  return `${connectionPrefix}${dial}`
}

/** The dial that a message is part of; undefined where it is another program's. */
export function dialOf({ payload }: CarriedMessage): number | undefined {
  const { connectionId } = Object(payload)
  if (typeof connectionId !== 'string' || !connectionId.startsWith(connectionPrefix)) return undefined
  const dial = Number(connectionId.slice(connectionPrefix.length))
  // 0 asks for a dial, and is none.
  return Number.isSafeInteger(dial) && dial > 0 ? dial : undefined
}

/** What PeerJS says, in the form that dials carry; nothing in it is checked. */
export function describedBy({ type, payload }: CarriedMessage): unknown {
  const { sdp, candidate } = Object(payload)
  return { type: type.toLowerCase(), sdp: Object(sdp).sdp, candidate }
}

/** Part of a dial, as PeerJS says it. */
export function carriedAs(description: ConnectionDescription, dial: number): CarriedMessage {
  const { type } = description
  return {
    type: type.toUpperCase() as CarriedMessage['type'],
    payload: {
      type: 'data',
      connectionId: connectionOf(dial),
      ...(type === 'offer' && dataConnection),
      ...(type === 'candidate' ? { candidate: description.candidate } : { sdp: description }),
    },
  }
}
