import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  jwtVerify,
} from 'jose'
import { hiddenValue, InvalidOption } from '../../src/errors/index.js'
import type { Runtime } from '../../src/runtime/index.js'

/** Milliseconds that clocks of the minter and of this server may differ: what NTP leaves at worst, generously. */
export const clockTolerance = 5_000

/** Milliseconds until a JWKS that does not come is given up; the handshake has 10 s. */
const keysPatience = 5_000

/** Milliseconds until a JWKS that could not be had is asked for again: the library's own pause after one that could. */
const keysPause = 30_000

/** Milliseconds that the last JWKS is gone by while none can be had: a day, as long as `ringmesh token`'s tokens last. */
const staleKeysHold = 86_400_000

/** The signatures that are taken. `none` and RSA's are not among them. */
const secretAlgorithms = ['HS256']
const keyAlgorithms = ['EdDSA', 'Ed25519', 'ES256']

/** Whom tokens must be signed by: `key`, or `jwks`. */
export interface TokenKeys {
  /** The shared secret of HS256. */
  readonly key?: string | undefined
  /** The secret before this one, which is still taken. */
  readonly previousKey?: string | undefined
  /** A JWKS, or the URL of one, for EdDSA and ES256. */
  readonly jwks?: string | JSONWebKeySet | undefined
  /** What `aud` has to name; undefined: it is not looked at. */
  readonly audience?: string | undefined
  /** What `iss` has to be; undefined: it is not looked at. */
  readonly issuer?: string | undefined
}

/** Checks a token's signature, times, audience and issuer. Rejects with an error of `jose`, or with {@link KeysUnavailable}. */
export type Verify = (token: string) => Promise<JWTPayload>

/** Tokens cannot be checked now. */
export class KeysUnavailable extends Error {}

/** @throws {InvalidOption} for a JWKS that is none */
export function tokenVerifier(runtime: Runtime, keys: TokenKeys): Verify {
  const { key, previousKey, jwks, audience, issuer } = keys
  const options = (algorithms: string[]) => ({
    algorithms,
    clockTolerance: clockTolerance / 1000,
    currentDate: new Date(runtime.wallClock()),
    ...(audience === undefined ? {} : { audience }),
    ...(issuer === undefined ? {} : { issuer }),
  })
  if (key !== undefined) {
    const secret = new TextEncoder().encode(key)
    const former = previousKey === undefined ? undefined : new TextEncoder().encode(previousKey)
    return async (token) => {
      try {
        return (await jwtVerify(token, secret, options(secretAlgorithms))).payload
      } catch (error) {
        if (former === undefined || !(error instanceof errors.JWSSignatureVerificationFailed)) throw error
        return (await jwtVerify(token, former, options(secretAlgorithms))).payload
      }
    }
  }
  const publicKeys = typeof jwks === 'string' ? remoteKeys(runtime, jwks) : localKeys(jwks)
  return async (token) => {
    try {
      return (await jwtVerify(token, publicKeys, options(keyAlgorithms))).payload
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
      return verifiedByAny(error, token, options(keyAlgorithms))
    }
  }
}

/** By each of several keys: a token names none where it was signed by PEM, and while keys change there are two. */
async function verifiedByAny(
  candidates: errors.JWKSMultipleMatchingKeys,
  token: string,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  for await (const candidate of candidates) {
    try {
      return (await jwtVerify(token, candidate, options)).payload
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error
    }
  }
  throw new errors.JWSSignatureVerificationFailed()
}

function localKeys(jwks: JSONWebKeySet = { keys: [] }): JWTVerifyGetKey {
  try {
    return createLocalJWKSet(jwks)
  } catch {
    throw new InvalidOption('signal.jwks', hiddenValue, 'must be a JWKS')
  }
}

/**
 * Keys by URL, fetched again every ten minutes and for a key that is not known. Where they cannot be had the last ones
 * hold: an identity provider that is away for an hour must not keep out everybody who loses a socket meanwhile.
 */
function remoteKeys(runtime: Runtime, url: string): JWTVerifyGetKey {
  const remote = createRemoteJWKSet(new URL(url), { timeoutDuration: keysPatience })
  let had: number | undefined
  let askAgainAt = 0
  const lastKeys = (): JWTVerifyGetKey | undefined => {
    const last = remote.jwks()
    const isOld = had === undefined || runtime.now() - had > staleKeysHold
    return last === undefined || isOld ? undefined : createLocalJWKSet(last)
  }
  return async (header, token) => {
    if (runtime.now() < askAgainAt) {
      const last = lastKeys()
      if (last !== undefined) return last(header, token)
    }
    try {
      const found = await remote(header, token)
      had = runtime.now()
      return found
    } catch (error) {
      if (isOfToken(error)) {
        had = runtime.now()
        throw error
      }
      askAgainAt = runtime.now() + keysPause
      const last = lastKeys()
      runtime.log('warn', 'the keys of tokens cannot be had', {
        error: reasonOf(error),
        consequence: last === undefined ? 'nobody is let in' : 'the last ones hold',
      })
      if (last === undefined) throw new KeysUnavailable()
      return last(header, token)
    }
  }
}

/** The keys were there; none of them is this token's. */
function isOfToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  )
}

/** `fetch` says only that it failed; why is in its cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error ? `${message}: ${cause.message}` : message
}
