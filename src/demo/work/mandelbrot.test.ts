import { describe, expect, it } from 'vitest'
import { drawTile, picture, tilesOf, whole } from './mandelbrot.js'

/** Steps until a point escapes, counted without any short cut. */
function steps(x: number, y: number, iterations: number): number {
  let [real, imaginary] = [0, 0]
  for (let step = 0; step < iterations; step++) {
    if (real * real + imaginary * imaginary > 4) return step
    const next = real * real - imaginary * imaginary + x
    imaginary = 2 * real * imaginary + y
    real = next
  }
  return iterations
}

describe('the Mandelbrot set', () => {
  it('is cut into tiles that cover the picture', () => {
    const tiles = tilesOf(whole)
    expect(tiles.length * (tiles[0]?.size ?? 0) ** 2).toBe(picture.width * picture.height)
  })

  it('has in every pixel the shade of its escape time, inside the set as well', () => {
    for (const tile of tilesOf({ centreX: -0.75, centreY: 0.1, span: 0.02 }).slice(30, 50)) {
      const shades = drawTile(tile)
      for (let pixel = 0; pixel < shades.length; pixel += 37) {
        const [x, y] = [pixel % tile.size, Math.floor(pixel / tile.size)]
        const escaped = steps(tile.left + x * tile.step, tile.top + y * tile.step, tile.iterations)
        expect(shades[pixel]).toBe(escaped === tile.iterations ? 0 : 1 + ((escaped * 7) % 255))
      }
    }
  })
})
