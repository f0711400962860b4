import { RingmeshError } from '../../errors/index.js'

/** A token, or a function that is called for a fresh one before every connection. */
export type Token = string | (() => Promise<string>)

/**
 * The token to join with now; null where there is none.
 *
 * @throws {RingmeshError} `Unauthorized` where the function failed
 */
export async function freshToken(token: Token | undefined): Promise<string | null> {
  try {
    return typeof token === 'function' ? await token() : (token ?? null)
  } catch (cause) {
    throw new RingmeshError('Unauthorized', 'the token function failed', { cause })
  }
}
