/** Lengths of the picture, in units of its view box. */
export const size = 640
export const centre = size / 2
/** The donut: one arc an owner, as long as its exact share. */
export const donut = { inner: 164, outer: 198 }
/** The band of arcs as they really are. */
export const band = { inner: 205, outer: 217 }
export const peerRadius = 255
/** Links and what moves along them end here, just inside the donut. */
export const chordRadius = 154

const turn = 2 * Math.PI

/** Degrees of the circle that a peer with its label needs, as a fraction of a turn. */
const closest = 1 / 18

export interface Point {
  readonly x: number
  readonly y: number
}

/** Where a peer is drawn, in fractions of a turn from the top, and its arc of the donut. */
export interface Place {
  readonly at: number
  readonly from: number
  readonly to: number
}

/** A point on a circle about the centre; `at` in fractions of a turn, clockwise from the top. */
export function onCircle(at: number, radius: number): Point {
  const angle = at * turn - turn / 4
  return { x: Math.cos(angle) * radius, y: Math.sin(angle) * radius }
}

/**
 * One arc for every peer, in the order given and as long as its share, with the peer at its middle. Peers whose
 * arcs are too small for their labels push each other aside.
 */
export function places(
  ids: readonly string[],
  shares: ReadonlyMap<string, number>,
): ReadonlyMap<string, Place> {
  let from = 0
  const arcs = ids.map((id) => {
    const start = from
    from += shares.get(id) ?? 0
    return { id, from: start, to: from }
  })
  const middles = spread(arcs.map((arc) => (arc.from + arc.to) / 2))
  return new Map(arcs.map(({ id, from, to }, index) => [id, { from, to, at: middles[index] ?? 0 }]))
}

/** Moves places that are sorted on a circle apart until they are `closest` or evenly spread. */
function spread(wanted: readonly number[]): number[] {
  const gap = Math.min(closest, 1 / Math.max(1, wanted.length))
  const at = [...wanted]
  // Each pass halves the worst overlap; a dozen peers settle in far fewer.
  for (let pass = 0; pass < 60; pass++) {
    let isTight = false
    for (let index = 0; index < at.length; index++) {
      const next = (index + 1) % at.length
      if (next === index) break
      const distance = (at[next] ?? 0) + (next === 0 ? 1 : 0) - (at[index] ?? 0)
      const missing = gap - distance
      if (missing < 1e-6) continue
      isTight = true
      at[index] = (at[index] ?? 0) - missing / 2
      at[next] = (at[next] ?? 0) + missing / 2
    }
    if (!isTight) break
  }
  return at
}
