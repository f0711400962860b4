/** The rooms of a signalling service, with no socket in them: the same code in the server and in the simulator. */
export {
  type Admission,
  type AdmissionRequest,
  openAdmission,
  type Ticket,
  type Verdict,
} from './admission.js'
export type { Bus, BusEvents, Presence } from './bus.js'
export { type Connection, closeCodes, type PeerSocket } from './connection.js'
export { Directory } from './directory.js'
export { defaultLimits, type SignalLimits, signalLimits } from './limits.js'
export { LoneBus } from './lone-bus.js'
export { MemoryBus, MemoryHub } from './memory-bus.js'
export type { Announcements, LocalPeer, Present } from './present.js'
export type { RoomConnection } from './room-connection.js'
export { Rooms } from './rooms.js'
export type { IceGrant, RoomsOptions } from './rooms-state.js'
export { GuardedSocket, type SocketOwner, Sockets } from './sockets.js'
export { mostSpent, SpentTickets } from './spent-tickets.js'
export { type RefusalReason, refusalReasons, Tally } from './tally.js'
export { TokenBucket } from './token-bucket.js'
