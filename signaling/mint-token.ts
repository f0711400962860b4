import { importJWK, importPKCS8, type JWK, SignJWT } from 'jose'
import * as v from 'valibot'
import { checkOptions, hiddenValue, InvalidOption } from '../src/errors/index.js'

/** HS256 wants a key as long as its hash (RFC 7518, 3.2): 32 bytes. */
export const shortestKey = 32

const seconds = v.pipe(
  v.number('must be a number of seconds'),
  v.finite('must be a number of seconds'),
  v.minValue(1, 'must be at least 1 second'),
)
const text = v.pipe(v.string('must be a string'), v.nonEmpty('must not be empty'))
/** No longer than the server takes it. */
const name = v.pipe(text, v.maxLength(256, 'must have at most 256 characters'))

const tokenOptions = v.strictObject({
  /** The shared secret of HS256, as given to the server as `key`. */
  key: v.optional(
    v.pipe(
      v.string('must be a string'),
      v.minLength(shortestKey, `must have at least ${shortestKey} characters`),
    ),
  ),
  /** A private key for EdDSA or ES256, as a JWK or in PEM (PKCS #8); the server knows its public half by `jwks`. */
  privateKey: v.optional(v.union([text, v.record(v.string(), v.unknown())], 'must be a JWK or PEM')),
  /** The room, or a pattern in which `*` stands for any characters; at most 256 of them. Default: every room. */
  room: v.optional(name),
  /** The id of the one peer that may use it. Default: any. */
  peer: v.optional(name),
  /** The highest weight that the peer may take. Default: any. */
  weight: v.optional(
    v.pipe(v.number('must be a number'), v.finite('must be a number'), v.minValue(0, 'must be 0 or more')),
  ),
  /** Default: both. */
  kind: v.optional(v.picklist(['tab', 'edge'], "must be 'tab' or 'edge'")),
  /** The claim `aud`, where the server wants an `audience`. Default: none. */
  audience: v.optional(text),
  /** The claim `iss`, where the server wants an `issuer`. Default: none. */
  issuer: v.optional(text),
  /** Seconds until it expires: a day by default. */
  expiresIn: v.optional(seconds, 86_400),
})

/** What a token grants, and the key that signs it. */
export type TokenOptions = v.InferInput<typeof tokenOptions>

/**
 * Mints a token for {@link startSignalServer}'s admission, a JSON Web Token (RFC 7519). Any JWT
 * library of any language can do the same.
 *
 * @throws {InvalidOption} for an option that is wrong, or neither or both of the two keys
 *
 * @example
 * ```ts
 * const token = await mintToken({ key, room: 'team-*', weight: 1, kind: 'tab', expiresIn: 3600 })
 * ```
 */
export async function mintToken(options: TokenOptions): Promise<string> {
  const { key, privateKey, expiresIn, audience, issuer, ...claims } = checkOptions(
    tokenOptions,
    options,
    'token',
    ['key', 'privateKey'],
  )
  if ((key === undefined) === (privateKey === undefined)) {
    throw new InvalidOption(
      'token.key',
      key === undefined ? key : '(given)',
      'must be given (by a command, best as RINGMESH_SIGNAL_KEY or its _FILE), or privateKey instead of it',
    )
  }
  const now = Math.floor(Date.now() / 1000)
  const jwt = new SignJWT(claims)
    .setIssuedAt(now)
    .setExpirationTime(now + Math.ceil(expiresIn))
    .setJti(crypto.randomUUID())
  if (audience !== undefined) jwt.setAudience(audience)
  if (issuer !== undefined) jwt.setIssuer(issuer)
  if (key !== undefined) return jwt.setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(key))
  const { signer, header } = await signingKey(privateKey as string | JWK)
  return jwt.setProtectedHeader(header).sign(signer)
}

async function signingKey(key: string | JWK) {
  const wanted = 'must be the private key of EdDSA (Ed25519) or ES256, as a JWK or in PEM'
  try {
    if (typeof key !== 'string') {
      const alg = key.kty === 'EC' ? 'ES256' : 'EdDSA'
      const header = key.kid === undefined ? { alg } : { alg, kid: key.kid }
      return { signer: await importJWK(key, alg), header }
    }
    for (const alg of ['EdDSA', 'ES256']) {
      const signer = await importPKCS8(key, alg).catch(() => undefined)
      if (signer !== undefined) return { signer, header: { alg } }
    }
  } catch {
    // Said below, without the key.
  }
  throw new InvalidOption('token.privateKey', hiddenValue, wanted)
}
