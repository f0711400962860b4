export type { Link, LinkEvents, LinkKind, OpenLink } from './link.js'
export type { IceServer, OpenSignaling, Signaling, SignalingEvents } from './signaling.js'
