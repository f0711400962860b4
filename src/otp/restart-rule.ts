import { type ExitReason, isAbnormal } from './exit.js'

/** When a child that ended is started again: always, only after an abnormal end, or never. */
export type Restart = 'permanent' | 'transient' | 'temporary'

/** Whether a child that ended so is to be started again. */
export function isRestarted(restart: Restart, reason: ExitReason): boolean {
  if (lostItsName(reason)) return false
  return restart === 'permanent' || (restart === 'transient' && isAbnormal(reason))
}

/** Whether another peer's process has the name of this one now: a restart could only fail, over and over. */
export function lostItsName(reason: ExitReason): boolean {
  return (
    reason.type === 'shutdown' &&
    typeof reason.detail === 'object' &&
    reason.detail !== null &&
    'nameConflict' in reason.detail
  )
}
