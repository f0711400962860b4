/** HashRing and RoundRobin: who owns a key, whose turn it is. */

export { HashRing } from './hash-ring.js'
export { keyPosition, partitionOf, partitions } from './key-position.js'
export type { NodeOption } from './node-option.js'
export type { ReadonlyRing, RingArc, RingNode, Spread } from './readonly-ring.js'
export { type NextOptions, RoundRobin, type RoundRobinOptions } from './round-robin.js'
