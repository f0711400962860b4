import type { PeerId } from '../wire/index.js'

/**
 * Whether `self` dials `remote`, or waits for its dial. Both ends decide it alike, as two initiators
 * would destroy each other; and by chance, not by order, as the smallest id of a room would
 * otherwise have everybody to dial, a few at a time, while the greatest sits idle.
 */
export function isCaller(self: PeerId, remote: PeerId): boolean {
  const isSmaller = self < remote
  return isSmaller === (isSmaller ? isHeads(self, remote) : isHeads(remote, self))
}

/** The same fair coin for the same two ids: FNV-1a (Fowler, Noll, Vo) over the pair, then MurmurHash3's finalizer (Appleby). */
function isHeads(smaller: PeerId, greater: PeerId): boolean {
  let hash = 0x811c9dc5
  for (const id of [smaller, greater]) {
    for (let index = 0; index < id.length; index++) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193)
    // Beyond any UTF-16 unit, so that where one id ends counts too.
    hash = Math.imul(hash ^ 0x10000, 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) & 1) === 0
}
