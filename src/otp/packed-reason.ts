import { packValue, unpackValue } from '../wire/index.js'
import { type ExitReason, toReason } from './exit.js'

/** A reason for the wire. What cannot be packed of it, such as a detail with a function in it, is left out. */
export function packReason(reason: ExitReason): Uint8Array<ArrayBuffer> {
  try {
    return packValue(reason)
  } catch {
    if (reason.type === 'error') {
      const { name, message, stack } = reason
      return packValue({ type: 'error', name, message, ...(stack === undefined ? {} : { stack }) })
    }
    return packValue({ type: reason.type })
  }
}

/** The inverse of {@link packReason}; whatever a peer sent, it is a reason. */
export function unpackReason(bytes: Uint8Array): ExitReason {
  try {
    return toReason(unpackValue(bytes))
  } catch {
    return { type: 'error', name: 'BadFrame', message: 'a reason that cannot be read' }
  }
}
