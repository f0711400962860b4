/** FNV-1a, 32 bits (Fowler, Noll, Vo), then a final mix: ids that differ in their last letter land far apart. */
export function hashId(id: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < id.length; index++) {
    hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193)
  }
  return mixed(hash)
}

/**
 * The part that one peer has in a digest. Parts are combined by exclusive or, so that the digest of
 * a set does not depend on the order in which it was learnt, and a change costs two of these.
 */
export function hashStanding(idHash: number, incarnation: number, standing: number): number {
  // An incarnation may exceed 32 bits; its upper part counts too.
  const upper = Math.floor(incarnation / 2 ** 32)
  return mixed(mixed(mixed(idHash ^ 0x9e3779b9) ^ (incarnation >>> 0)) ^ ((upper << 4) | standing))
}

/** The finalizer of MurmurHash3 (Austin Appleby), 32 bits. */
function mixed(value: number): number {
  let hash = value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
