/** Continues an FNV-1a hash (Fowler, Noll, Vo) over the UTF-16 units of a text. */
export function hashOnto(state: number, text: string): number {
  let hash = state
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return hash
}

/** Continues an FNV-1a hash over bytes. */
export function hashBytesOnto(state: number, bytes: Uint8Array): number {
  let hash = state
  for (let index = 0; index < bytes.length; index++)
    hash = Math.imul(hash ^ (bytes[index] as number), 0x01000193)
  return hash
}

/** MurmurHash3's 32-bit finalizer (Appleby): spreads what FNV leaves in the low bits over all. */
export function finished(state: number): number {
  let hash = state
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** FNV's offset basis, and a second start for a second, unrelated 32 bits. */
export const basis = 0x811c9dc5
export const otherBasis = 0x2b5d9c31
