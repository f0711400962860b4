import { unpackValue } from '../wire/index.js'
import type { CallOutcome } from './calls.js'
import { toReason } from './exit.js'

/** The value that a peer sent, or why it cannot be read. */
export function unpacked(body: Uint8Array): CallOutcome {
  try {
    return { ok: true, value: unpackValue(body) }
  } catch (error) {
    return { ok: false, reason: toReason(error) }
  }
}
