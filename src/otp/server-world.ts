import type { Runtime } from '../runtime/index.js'
import type { CallOptions } from './call-options.js'
import type { ExitReason } from './exit.js'
import type { From } from './from.js'
import type { GenServerClass } from './gen-server.js'
import type { Process, ProcessWorld } from './process.js'
import type { ProcessRef, Target, ViaName } from './ref.js'
import type { Scheduler } from './scheduler.js'

/** How a start ended. */
export type StartResult =
  | { readonly kind: 'ok'; readonly process: Process }
  | { readonly kind: 'ignored' }
  | { readonly kind: 'failed'; readonly reason: ExitReason }

/** What a server's process needs of the system beyond what every process does. */
export interface ServerWorld extends ProcessWorld {
  readonly runtime: Runtime
  readonly scheduler: Scheduler
  /** The process whose handler is running now, up to its first `await`. */
  current: Process | undefined
  callFrom(caller: Process, target: Target, request: unknown, options?: CallOptions): Promise<unknown>
  cast(target: Target, message: unknown): void
  send(target: Target, message: unknown): void
  monitor(target: Target, down: (reason: ExitReason) => void): () => void
  linkTo(process: Process, target: Target): void
  unlink(a: Target, b: Target): void
  /** Rejects a call, wherever the caller is. */
  refuse(from: From, reason: ExitReason): void
  startFrom(
    parent: Process,
    server: GenServerClass,
    options: { args?: unknown; name?: string | ViaName; timeout?: number },
  ): Promise<ProcessRef>
}
