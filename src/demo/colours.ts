/**
 * Hues that stay apart for people who see colours differently and on light and dark grounds; after
 * the palette of Okabe and Ito, evened out in lightness.
 */
const palette = [
  '#3b82f6',
  '#f59e0b',
  '#10b981',
  '#ec4899',
  '#8b5cf6',
  '#ef4444',
  '#06b6d4',
  '#84cc16',
  '#f97316',
  '#6366f1',
  '#14b8a6',
  '#d946ef',
]

/**
 * A colour for every peer, the same in every tab that sees the same peers: each takes the place its
 * id hashes to, or the next free one.
 */
export function peerColours(ids: readonly string[]): ReadonlyMap<string, string> {
  const taken = new Set<number>()
  const colours = new Map<string, string>()
  for (const id of [...ids].sort()) {
    let place = hash(id) % palette.length
    for (let tried = 0; tried < palette.length && taken.has(place); tried++)
      place = (place + 1) % palette.length
    taken.add(place)
    colours.set(id, palette[place] as string)
  }
  return colours
}

/** FNV-1a, 32 bits: enough to scatter a dozen names over a dozen places. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  return value >>> 0
}
