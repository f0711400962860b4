import type { CallOptions, StopOptions } from './call-options.js'
import type { Launcher, SupervisorSpec } from './child-spec.js'
import { DynamicSupervisor, type DynamicSupervisorOptions } from './dynamic-supervisor.js'
import type { ExitReason, GivenReason } from './exit.js'
import type { From } from './from.js'
import type { GenServerClass } from './gen-server.js'
import { PartitionSupervisor, type PartitionSupervisorOptions } from './partition-supervisor.js'
import type { ProcessRef, Target } from './ref.js'
import { Registry, type RegistryOptions } from './registry.js'
import { Supervisor } from './supervisor.js'
import { type ProcessSystem, type StartOptions, systemOf } from './system.js'
import { TaskSupervisor } from './task-supervisor.js'

/**
 * The free functions of processes, on the system that `current` gives: the page's own, or that of
 * its mesh. A ref that knows its system goes there instead.
 */
export function bindProcesses(current: () => ProcessSystem) {
  const of = (target: unknown): ProcessSystem => systemOf(target) ?? current()
  return {
    /** Starts a process. See {@link ProcessSystem.start}. */
    start: <Class extends GenServerClass>(
      server: Class | Launcher,
      options?: StartOptions<Class>,
    ): Promise<ProcessRef> => current().start(server, options),
    /** Asks a process. See {@link ProcessSystem.call}. */
    call: <Reply = unknown>(target: Target, request: unknown, options?: CallOptions): Promise<Reply> =>
      of(target).call(target, request, options) as Promise<Reply>,
    /** Tells a process something, for its `handleCast`. */
    cast: (target: Target, message: unknown): void => of(target).cast(target, message),
    /** Tells a process something, for its `handleInfo`. */
    send: (target: Target, message: unknown): void => of(target).send(target, message),
    /** Answers a call later, from anywhere. */
    reply: (from: From | { peer: string; call: number }, value: unknown): void => of(from).reply(from, value),
    /** Stops a process. See {@link ProcessSystem.stop}. */
    stop: (target: Target, reason?: GivenReason, options?: StopOptions): Promise<void> =>
      of(target).stop(target, reason, options),
    /** Sends an exit signal. See {@link ProcessSystem.exit}. */
    exit: (target: Target, reason: GivenReason): void => of(target).exit(target, reason),
    /** Calls `down` once when a process ends. Returns the way back. */
    monitor: (target: Target, down: (reason: ExitReason) => void): (() => void) =>
      of(target).monitor(target, down),
    /** Ties the fates of two processes. */
    link: (a: Target, b: Target): void => of(a).link(a, b),
    /** Takes the link of two processes back. */
    unlink: (a: Target, b: Target): void => of(a).unlink(a, b),
    /** The process that a name is registered for. */
    whereis: (name: string): ProcessRef | undefined => current().whereis(name),
    /** A {@link DynamicSupervisor} of the page. */
    DynamicSupervisor: class extends DynamicSupervisor {
      constructor(options?: DynamicSupervisorOptions | { readonly at: Target }) {
        super(current(), options)
      }
    } as new (
      options?: DynamicSupervisorOptions | { readonly at: Target },
    ) => DynamicSupervisor,
    /** A {@link PartitionSupervisor} of the page. */
    PartitionSupervisor: class extends PartitionSupervisor {
      constructor(options: PartitionSupervisorOptions | { readonly at: Target }) {
        super(current(), options)
      }
    } as new (
      options: PartitionSupervisorOptions | { readonly at: Target },
    ) => PartitionSupervisor,
    /** A {@link TaskSupervisor} of the page. */
    TaskSupervisor: class extends TaskSupervisor {
      constructor(options?: DynamicSupervisorOptions | { readonly at: Target }) {
        super(current(), options)
      }
    } as new (
      options?: DynamicSupervisorOptions | { readonly at: Target },
    ) => TaskSupervisor,
    /** A {@link Registry} of the page. */
    Registry: class<Key = string, Value = unknown> extends Registry<Key, Value> {
      constructor(options: RegistryOptions) {
        super(current(), options)
      }
    } as new <Key = string, Value = unknown>(
      options: RegistryOptions,
    ) => Registry<Key, Value>,
    /** Supervisors of the page. */
    Supervisor: {
      start: (spec: SupervisorSpec): Promise<Supervisor> => Supervisor.start(current(), spec),
    },
  }
}
