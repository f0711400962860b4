/** The names that `ringmesh` has on every platform. */
export { InvalidOption, RingmeshError, type RingmeshErrorName } from '../errors/index.js'
export type { IceServer, LinkStats, LinksStats } from '../links/index.js'
export type { Member, MemberState } from '../mesh/index.js'
export type {
  ArgsOf,
  AsyncOptions,
  AutoShutdown,
  Backoff,
  CallOptions,
  ChildAnswer,
  ChildCount,
  ChildError,
  ChildInfo,
  ChildSpec,
  ChildState,
  DefineProcessOptions,
  DynamicChildSpec,
  DynamicSupervisorOptions,
  ExitReason,
  From,
  GenServerClass,
  GivenReason,
  Launcher,
  NestedSpec,
  PartitionSupervisorOptions,
  PeerTrees,
  Quarantine,
  RegisterAnswer,
  RegistryEntry,
  RegistryOptions,
  Restart,
  Shutdown,
  StartOptions,
  StopOptions,
  Strategy,
  StreamOptions,
  StreamResult,
  SupervisorSpec,
  SystemInfo,
  Target,
  Task,
  TaskOptions,
  TaskOutcome,
  TreeNode,
  Via,
  ViaName,
  WorkerOptions,
  WorkerSpec,
} from '../otp/index.js'
export {
  dynamicSupervisor,
  ExitError,
  GenServer,
  IGNORE,
  NO_REPLY,
  PlacedRef,
  ProcessRef,
  partitionSupervisor,
  sameProcess,
  worker,
} from '../otp/index.js'
export { HashRing, type NodeOption, type ReadonlyRing, type RingArc, RoundRobin } from '../ring/index.js'
export type { Log, LogLevel } from '../runtime/index.js'
export type {
  GetOptions,
  Merge,
  Persistence,
  PutOptions,
  PutResult,
  StateStats,
  Store,
  StoreOptions,
  Version,
} from '../store/index.js'
export { counter, map, set } from '../store/index.js'
export type {
  DeadLetter,
  DefineOptions,
  EnqueuedTask,
  EnqueueOptions,
  MapOptions,
  MapResult,
  RunOptions,
  TaskContext,
  TaskHandler,
  TaskPriority,
  TaskService,
  TaskStats,
  WorkerDefineOptions,
} from '../tasks/index.js'
export { Aborted, Busy, NoWorkers, TaskFailed, Timeout } from '../tasks/index.js'
export { transfer } from '../threads/index.js'
export type { PeerId, PeerKind } from '../wire/index.js'
export { Chaos } from './chaos.js'
export { Mesh, type MeshEvents, type MeshStats } from './mesh.js'
export type { JoinOptions, SignalingService } from './options.js'
export {
  call,
  cast,
  DynamicSupervisor,
  exit,
  link,
  monitor,
  PartitionSupervisor,
  Registry,
  reply,
  Supervisor,
  send,
  start,
  stop,
  TaskSupervisor,
  unlink,
  whereis,
} from './processes.js'
