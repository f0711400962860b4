import { utf8 } from './key-position.js'
import type { RingNode } from './readonly-ring.js'
import { sha256 } from './sha256.js'

/** No byte of UTF-8: it ends an id, so that no two lists of nodes are written alike. */
const endOfId = 0xff
const weightBytes = 8
/**
 * Hexadecimal digits kept: 128 bits. Two rings would collide by chance after 2^64 of them, and by design after as many
 * tries; it goes with every request, so it is no longer than that needs.
 */
const digits = 32

/** The digest of nodes in the order of their ids: equal exactly for equal ids and weights. */
export function digestOf(nodes: readonly RingNode[]): string {
  const ids = nodes.map(({ id }) => utf8(id))
  const bytes = new Uint8Array(ids.reduce((sum, id) => sum + id.length + 1 + weightBytes, 0))
  const view = new DataView(bytes.buffer)
  let offset = 0
  for (const [index, id] of ids.entries()) {
    bytes.set(id, offset)
    offset += id.length
    view.setUint8(offset, endOfId)
    view.setFloat64(offset + 1, (nodes[index] as RingNode).weight)
    offset += 1 + weightBytes
  }
  return sha256(bytes).slice(0, digits)
}
