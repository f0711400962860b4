/**
 * Hues far apart on the wheel, alternately lighter and darker, so that neighbours in it stay apart for people who
 * see colours differently and on light and dark grounds. The first eight are used before the rest.
 */
const palette = [
  '#3b7be8', // blue
  '#f0a11f', // amber
  '#12a07a', // green
  '#d83f9b', // magenta
  '#8557da', // violet
  '#dd4b39', // red
  '#38b8e8', // sky
  '#9cb81c', // lime
  '#9a6240', // brown
  '#7f8a9c', // slate
  '#f093b4', // rose
  '#0f7d8c', // petrol
]

/** How many of the palette are far enough apart to be taken while they last. */
const wellApart = 8

/** Where there is no peer to give a colour. */
export const noColour = '#8a93a3'

/**
 * Gives every peer a colour and lets it keep it. Each takes the place that its id hashes to, or the next free one,
 * so that pages which see the same peers mostly agree.
 */
export class PeerColours {
  readonly #given = new Map<string, number>()

  /** The colours of exactly these peers; those of others are free again. */
  of(ids: readonly string[]): ReadonlyMap<string, string> {
    const wanted = new Set(ids)
    for (const id of this.#given.keys()) if (!wanted.has(id)) this.#given.delete(id)
    for (const id of [...ids].sort()) if (!this.#given.has(id)) this.#given.set(id, this.#place(id))
    return new Map(ids.map((id) => [id, palette[this.#given.get(id) ?? 0] ?? noColour]))
  }

  #place(id: string): number {
    const taken = new Set(this.#given.values())
    const first = hash(id)
    for (let tried = 0; tried < wellApart; tried++) {
      const place = (first + tried) % wellApart
      if (!taken.has(place)) return place
    }
    for (let place = wellApart; place < palette.length; place++) if (!taken.has(place)) return place
    return first % palette.length
  }
}

/** FNV-1a, 32 bits: enough to scatter a dozen names over a dozen places. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  return value >>> 0
}
