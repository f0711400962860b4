/** Sharded state: keys on the ring, in as many copies as asked, that outlive the peers that hold them. */
export type { Version } from './clock.js'
export { counter, type Merge, map, set } from './merges/index.js'
export type { GetOptions, PutOptions, PutResult, StoreOptions } from './options.js'
export type { Change, Persistence } from './persistence.js'
export type { TransferProgress } from './progress.js'
export { type StateEvents, StateService, type StateServiceOptions } from './state-service.js'
export type { StateStats } from './state-stats.js'
export { Store } from './store.js'
