import { createHash } from 'node:crypto'
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
} from 'jose'
import * as v from 'valibot'
import type { Runtime } from '../../src/runtime/index.js'
import type { Admission, AdmissionRequest, Bus, RefusalReason, Ticket, Verdict } from '../rooms/index.js'
import { matchesRoom } from './room-pattern.js'

/** Milliseconds that clocks of the minter and of this server may differ: what NTP leaves at worst, generously. */
const clockTolerance = 5_000

/** Milliseconds until a JWKS that does not come is given up; the handshake has 10 s. */
const keysPatience = 5_000

/**
 * Spent tickets that are remembered here, the latest: about 20 MB. Who holds a token that names no peer can
 * spend it under any number of ids.
 */
export const mostSpent = 100_000

/** The signatures that are taken. `none` and RSA's are not among them. */
const secretAlgorithms = ['HS256']
const keyAlgorithms = ['EdDSA', 'Ed25519', 'ES256']

/** What a token may say. Claims that are absent grant everything. */
const claims = v.object({
  /** The room, or a pattern: `*` stands for any characters. */
  room: v.optional(v.pipe(v.string(), v.maxLength(256))),
  /** The one peer that may use it. */
  peer: v.optional(v.pipe(v.string(), v.maxLength(64))),
  /** The highest weight that the peer may take. */
  weight: v.optional(v.pipe(v.number(), v.minValue(0))),
  kind: v.optional(v.picklist(['tab', 'edge'])),
  /** Seconds since 1970. Required: a token that never expires cannot be taken back. */
  exp: v.number(),
})

/** Whom tokens must be signed by; one of the two. */
export interface TokenKeys {
  /** The shared secret of HS256. */
  readonly key?: string | undefined
  /** A JWKS, or the URL of one, for EdDSA and ES256. */
  readonly jwks?: string | JSONWebKeySet | undefined
}

/**
 * Admission by JSON Web Tokens (RFC 7519). A token says what its peer may do, expires, and is spent
 * when its peer says goodbye.
 */
export class JwtAdmission implements Admission {
  readonly #runtime: Runtime
  readonly #bus: Bus
  readonly #verify: (token: string) => Promise<JWTPayload>
  /** Spent here: what keeps a spent token out also while the bus is lost. Key → wall clock of its expiry. */
  readonly #spent = new Map<string, number>()

  constructor(runtime: Runtime, bus: Bus, keys: TokenKeys) {
    this.#runtime = runtime
    this.#bus = bus
    this.#verify = verifier(runtime, keys)
  }

  admit(request: AdmissionRequest, settle: (verdict: Verdict) => void): void {
    const { token } = request
    if (token === null) {
      settle(refusal('token-missing', 'this server wants a token'))
      return
    }
    this.#verify(token).then(
      (payload) => this.#judge(request, token, payload, settle),
      (error) => settle(unverified(error)),
    )
  }

  spend({ key, expires }: Ticket): void {
    const now = this.#runtime.wallClock()
    // From the oldest on and no further than needed: looking at all of them at every goodbye would be quadratic.
    for (const [old, until] of this.#spent) {
      if (until > now && this.#spent.size < mostSpent) break
      this.#spent.delete(old)
    }
    this.#spent.set(key, expires)
    this.#bus.remember(key, Math.max(1, expires - now))
  }

  #judge(
    { room, peer }: AdmissionRequest,
    token: string,
    payload: JWTPayload,
    settle: (verdict: Verdict) => void,
  ): void {
    const parsed = v.safeParse(claims, payload)
    if (!parsed.success) {
      settle(refusal('token-malformed', `the token's claims are not understood: ${parsed.issues[0].message}`))
      return
    }
    const claim = parsed.output
    const wrong = (
      [
        [claim.room !== undefined && !matchesRoom(claim.room, room), 'token-room', 'room'],
        [claim.peer !== undefined && claim.peer !== peer.id, 'token-peer', 'peer'],
        [claim.weight !== undefined && peer.weight > claim.weight, 'token-weight', 'weight'],
        [claim.kind !== undefined && claim.kind !== peer.kind, 'token-kind', 'kind'],
      ] as const
    ).find(([isWrong]) => isWrong)
    if (wrong !== undefined) {
      settle(refusal(wrong[1], `the token is for another ${wrong[2]}`))
      return
    }
    const expires = claim.exp * 1000 + clockTolerance
    // The library looks at whole seconds: who was just put out would be let in again for the rest of one.
    if (this.#runtime.wallClock() >= expires) {
      settle(refusal('token-expired', 'the token has expired'))
      return
    }
    const key = createHash('sha256').update(token).update('\0').update(peer.id).digest('base64url')
    const ticket: Ticket = { key, expires }
    const spent = refusal('token-spent', 'the peer of this token has left: a new one is needed')
    if (this.#spent.has(key)) settle(spent)
    else this.#bus.remembered(key, (answer) => settle(answer === true ? spent : { admitted: true, ticket }))
  }
}

function refusal(reason: RefusalReason, detail: string): Verdict {
  return { admitted: false, reason, detail }
}

function verifier(runtime: Runtime, { key, jwks }: TokenKeys): (token: string) => Promise<JWTPayload> {
  const options = (algorithms: string[]) => ({
    algorithms,
    clockTolerance: clockTolerance / 1000,
    currentDate: new Date(runtime.wallClock()),
  })
  if (key !== undefined) {
    const secret = new TextEncoder().encode(key)
    return async (token) => (await jwtVerify(token, secret, options(secretAlgorithms))).payload
  }
  const keys =
    typeof jwks === 'string'
      ? createRemoteJWKSet(new URL(jwks), { timeoutDuration: keysPatience })
      : createLocalJWKSet(jwks ?? { keys: [] })
  return async (token) => (await jwtVerify(token, keys, options(keyAlgorithms))).payload
}

/** Tells the log exactly, and the peer as much as it can do something about. */
function unverified(error: unknown): Verdict {
  if (error instanceof errors.JWTExpired) return refusal('token-expired', 'the token has expired')
  if (error instanceof errors.JWTClaimValidationFailed && error.claim === 'nbf') {
    return refusal('token-not-yet-valid', 'the token is not valid yet')
  }
  if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JOSENotSupported) {
    return refusal('token-algorithm', 'the token is signed by a method that is not taken here')
  }
  if (
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys
  ) {
    return refusal('token-signature', 'the token is not signed by a key that is known here')
  }
  if (
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWTClaimValidationFailed
  ) {
    return refusal('token-malformed', 'the token is malformed')
  }
  if (
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JOSEError ||
    error instanceof TypeError
  ) {
    return refusal('token-keys-unavailable', 'tokens cannot be checked now')
  }
  return refusal('token-malformed', 'the token is malformed')
}
