export type { Cluster, ClusterEvents, Member, MemberState, Outcome, Request } from './cluster.js'
