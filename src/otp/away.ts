import type { PendingCall } from './calls.js'
import type { ExitReason } from './exit.js'
import type { Process } from './process.js'
import type { PlacedRef, ProcessRef } from './ref.js'

/** The ways to processes that are not of this page. */
export interface Away {
  call(route: ProcessRef | PlacedRef, request: unknown, timeout: number, call: PendingCall): void
  tell(route: ProcessRef | PlacedRef, kind: 'cast' | 'info', message: unknown): void
  reply(peer: string, call: number, value: unknown): void
  refuse(peer: string, call: number, reason: ExitReason): void
  stop(ref: ProcessRef, reason: ExitReason): void
  exit(from: string, ref: ProcessRef, reason: ExitReason): void
  monitor(ref: ProcessRef, down: (reason: ExitReason) => void): () => void
  link(process: Process, ref: ProcessRef): void
  /** The process that a placed ref means now. */
  whereis(ref: PlacedRef): ProcessRef | undefined
}
