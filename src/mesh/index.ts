export type { Cluster, ClusterEvents, Member, MemberState, Outcome, Request } from './cluster.js'
export { alonePatience } from './constants.js'
export { holdsState, isGone } from './member-state.js'
export { MeshCore, type MeshCoreOptions } from './mesh-core.js'
