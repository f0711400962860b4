import { checkOptions, RingmeshError } from '../errors/index.js'
import { randomId } from '../runtime/index.js'
import { decodeMessage, encodeMessage, limits, protocolVersion } from '../wire/index.js'

/** Where a page keeps {@link sharedParts}: a property of `window.ringmesh` that no name can meet. */
export const sharedAs = Symbol.for('ringmesh.shared')

/**
 * What files that are loaded from beside the script tag take from it, by the doors they import it from. So they carry
 * no second copy, and an error of theirs is an error of the page's `ringmesh`.
 */
export const sharedParts = {
  errors: { checkOptions, RingmeshError },
  runtime: { randomId },
  wire: { decodeMessage, encodeMessage, limits, protocolVersion },
} as const
