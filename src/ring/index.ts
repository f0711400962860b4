/** HashRing and RoundRobin: who owns a key, whose turn it is. */
export type { ReadonlyRing, RingArc } from './readonly-ring.js'
