/** How two peers are connected: links, the sessions that outlive them, and the place in a room. */
export type { DialedLink, OpenDirect } from './direct-link.js'
export type { Link, LinkEvents, LinkKind, OpenLink } from './link.js'
export { Links, type LinksEvents, type LinksOptions } from './links.js'
export type { LinkStats, LinksStats } from './links-stats.js'
export type { Refusal } from './refusals.js'
export type { IceServer, OpenSignaling, Signaling, SignalingEvents } from './signaling.js'
export type { RelayPolicy } from './surroundings.js'
