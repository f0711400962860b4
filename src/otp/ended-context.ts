import { ExitError, type ExitReason } from './exit.js'
import type { ServerContext } from './gen-server.js'
import type { ProcessRef } from './ref.js'

/**
 * What a server can do whose process has ended: nothing. A handler that awaits cannot be broken off
 * in JavaScript, as OTP would, and so must not act for a process that others were told is gone.
 */
export function endedContext(self: ProcessRef, reason: ExitReason): ServerContext {
  const nothing = (): void => {}
  const refuse = (doing: string) => (): Promise<never> => Promise.reject(new ExitError(reason, doing))
  return {
    self,
    trapExit: false,
    continue: nothing,
    timeout: nothing,
    stop: nothing,
    call: refuse('call'),
    cast: nothing,
    send: nothing,
    monitor: () => 0,
    demonitor: nothing,
    link: nothing,
    unlink: nothing,
    start: refuse('startLink'),
  }
}
