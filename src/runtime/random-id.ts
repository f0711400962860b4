import type { Runtime } from './runtime.js'

const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz'

/**
 * An identifier that is fresh with near certainty: 20 characters of base 36, about 103 bits, as
 * many as a version 4 UUID needs (RFC 9562) and a little fewer than it has.
 */
export function randomId(runtime: Pick<Runtime, 'random'>): string {
  let id = ''
  for (let position = 0; position < 20; position++) id += alphabet[Math.floor(runtime.random() * 36)]
  return id
}
