import { mergeSnapshots, type SnapshotStore, storedSnapshots } from '../otp/index.js'
import type { StateService } from '../store/index.js'
import { type DurableRecords, mergeTaskRecords } from '../tasks/index.js'

/** Names of the stores that ringmesh itself keeps in the sharded state; an application's may not start so. */
const taskStore = 'ringmesh:tasks'
const snapshotStore = 'ringmesh:snapshots'

/** Durable tasks, kept in the sharded state. */
export function taskRecords(state: StateService): DurableRecords {
  return state.open(taskStore, { merge: mergeTaskRecords })
}

/** Snapshots of placed processes, kept in the sharded state: also where this peer is alone in it, or is the last to stay. */
export function processSnapshots(state: StateService): SnapshotStore {
  return storedSnapshots(
    state.open<Uint8Array>(snapshotStore, { merge: mergeSnapshots }, { fewerSuffice: true }),
  )
}
