/** A rectangle of the picture: pixels of the tile, and the part of the plane that it shows. */
export interface Tile {
  readonly column: number
  readonly row: number
  /** Pixels along each side. */
  readonly size: number
  /** The complex number at the tile's upper left corner. */
  readonly left: number
  readonly top: number
  /** Distance on the plane from one pixel to the next. */
  readonly step: number
  readonly iterations: number
}

/** The part of the plane that a picture shows. */
export interface Viewport {
  readonly centreX: number
  readonly centreY: number
  /** Width of the picture on the plane. */
  readonly span: number
}

/** Pixels of a picture. */
export const picture = { width: 768, height: 512 }

/** The part of the plane where the whole set lies. */
export const whole: Viewport = { centreX: -0.6, centreY: 0, span: 3.2 }

/** Pixels along each side of a tile: small enough that a tile is some tens of milliseconds of work. */
const tileSize = 64

/** The tiles of a picture, row by row. More iterations are spent the deeper it zooms in. */
export function tilesOf({ centreX, centreY, span }: Viewport): Tile[] {
  const { width, height } = picture
  const step = span / width
  const iterations = Math.min(5000, Math.round(600 + 400 * Math.max(0, Math.log2(3 / span))))
  const tiles: Tile[] = []
  for (let row = 0; row * tileSize < height; row++) {
    for (let column = 0; column * tileSize < width; column++) {
      tiles.push({
        column,
        row,
        size: tileSize,
        left: centreX - span / 2 + column * tileSize * step,
        top: centreY - (height * step) / 2 + row * tileSize * step,
        step,
        iterations,
      })
    }
  }
  return tiles
}

/** Shades of a tile's pixels, row by row: 0 inside the set, 1 to 255 by how soon the point escapes. */
export function drawTile({ size, left, top, step, iterations }: Tile): Uint8Array {
  const shades = new Uint8Array(size * size)
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const escaped = escapeTime(left + x * step, top + y * step, iterations)
      shades[y * size + x] = escaped === iterations ? 0 : 1 + ((escaped * 7) % 255)
    }
  }
  return shades
}

/** Steps of z² + c until |z| passes 2; `iterations` where it does not in that many. */
function escapeTime(x: number, y: number, iterations: number): number {
  let real = 0
  let imaginary = 0
  // A point that comes back to where it was never escapes (Brent's search for cycles): most of the set is found out
  // long before the last iteration.
  let seenReal = 0
  let seenImaginary = 0
  let lookAgainAt = 8
  for (let step = 0; step < iterations; step++) {
    const realSquare = real * real
    const imaginarySquare = imaginary * imaginary
    if (realSquare + imaginarySquare > 4) return step
    imaginary = 2 * real * imaginary + y
    real = realSquare - imaginarySquare + x
    if (real === seenReal && imaginary === seenImaginary) return iterations
    if (step === lookAgainAt) {
      seenReal = real
      seenImaginary = imaginary
      lookAgainAt *= 2
    }
  }
  return iterations
}
