import fc from 'fast-check'
import { expect, it } from 'vitest'
import { nestsDeeperThan } from './nesting.js'

const bytes = (json: string): Uint8Array => new TextEncoder().encode(json)

/** How deep a value nests, its own level included; 0 for what is neither a list nor an object. */
function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  return 1 + Math.max(0, ...Object.values(value).map(depthOf))
}

it('knows how deep any JSON nests, whatever stands in its texts', () => {
  const value = fc.oneof(
    fc.jsonValue({ maxDepth: 6 }),
    fc.array(fc.oneof(fc.constantFrom('[[[', '\\', '"', ']"[', '{\\"'), fc.array(fc.string()))),
  )
  fc.assert(
    fc.property(value, fc.constantFrom(undefined, 2), (any, indent) => {
      const json = bytes(JSON.stringify(any, undefined, indent))
      const depth = depthOf(any)
      expect(nestsDeeperThan(depth, json)).toBe(false)
      if (depth > 0) expect(nestsDeeperThan(depth - 1, json)).toBe(true)
    }),
  )
})

it.each(['[[[[', '}}}}[[[[', '"[[[[', '[[[["', '\\'])('answers for what is no JSON as well: %s', (text) => {
  expect(typeof nestsDeeperThan(2, bytes(text))).toBe('boolean')
})
