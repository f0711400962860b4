/** Processes as OTP has them: servers, supervisors, workers in their own threads, names, refs. */
export type { Backoff } from './backoff.js'
export { bindProcesses } from './bind.js'
export type { CallOptions, StopOptions } from './call-options.js'
export type { ChildAnswer, ChildCount, ChildError, ChildInfo, ChildState } from './child-info.js'
export type {
  AutoShutdown,
  ChildSpec,
  DynamicChildSpec,
  Launcher,
  NestedSpec,
  Quarantine,
  Strategy,
  SupervisorSpec,
  WorkerSpec,
} from './child-spec.js'
export type { Shutdown } from './child-stop.js'
export { DynamicSupervisor, type DynamicSupervisorOptions, dynamicSupervisor } from './dynamic-supervisor.js'
export { ExitError, type ExitReason, type GivenReason } from './exit.js'
export { exposeServer } from './expose.js'
export type { From } from './from.js'
export {
  type ArgsOf,
  GenServer,
  type GenServerClass,
  IGNORE,
  NO_REPLY,
  type SystemInfo,
} from './gen-server.js'
export { MeshProcessSystem, type MeshProcessSystemOptions } from './mesh-system.js'
export {
  PartitionSupervisor,
  type PartitionSupervisorOptions,
  partitionSupervisor,
} from './partition-supervisor.js'
export type { DefineProcessOptions } from './placed-definition.js'
export { PlacedRef, ProcessRef, sameProcess, type Target, type Via, type ViaName } from './ref.js'
export { type RegisterAnswer, Registry, type RegistryEntry, type RegistryOptions } from './registry.js'
export type { Restart } from './restart-rule.js'
export type { SnapshotStore } from './snapshot-store.js'
export { type BytesStore, mergeSnapshots, storedSnapshots } from './stored-snapshots.js'
export { Supervisor } from './supervisor.js'
export { ProcessSystem, type ProcessSystemOptions, type StartOptions, systemOf } from './system.js'
export { Task, type TaskOutcome, type Work } from './task.js'
export type { StreamOptions, StreamResult } from './task-stream.js'
export { type AsyncOptions, type TaskOptions, TaskSupervisor } from './task-supervisor.js'
export type { PeerTrees, TreeNode } from './trees.js'
export { type WorkerOptions, worker } from './worker.js'
