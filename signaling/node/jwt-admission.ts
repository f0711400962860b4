import { createHash } from 'node:crypto'
import { errors, type JWTPayload } from 'jose'
import * as v from 'valibot'
import type { Runtime } from '../../src/runtime/index.js'
import {
  type Admission,
  type AdmissionRequest,
  type Bus,
  type RefusalReason,
  SpentTickets,
  type Ticket,
  type Verdict,
} from '../rooms/index.js'
import { matchesRoom } from './room-pattern.js'
import { clockTolerance, KeysUnavailable, type TokenKeys, tokenVerifier, type Verify } from './token-keys.js'

/** What a token may say. Claims that are absent grant everything. */
const claims = v.object({
  /** The room, or a pattern: `*` stands for any characters. */
  room: v.optional(v.pipe(v.string(), v.maxLength(256))),
  /** The one peer that may use it; PeerJS clients choose ids of up to 256 characters. */
  peer: v.optional(v.pipe(v.string(), v.maxLength(256))),
  /** The highest weight that the peer may take. */
  weight: v.optional(v.pipe(v.number(), v.minValue(0))),
  kind: v.optional(v.picklist(['tab', 'edge'])),
  /** Seconds since 1970. Required: a token that never expires cannot be taken back. */
  exp: v.number(),
})

/**
 * Admission by JSON Web Tokens (RFC 7519). A token says what its peer may do, expires, and is spent
 * when its peer says goodbye.
 */
export class JwtAdmission implements Admission {
  readonly #runtime: Runtime
  readonly #verify: Verify
  readonly #spent: SpentTickets

  /** @throws {InvalidOption} for a JWKS that is none */
  constructor(runtime: Runtime, bus: Bus, keys: TokenKeys) {
    this.#runtime = runtime
    this.#verify = tokenVerifier(runtime, keys)
    this.#spent = new SpentTickets(runtime, bus)
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

  spend(ticket: Ticket): void {
    this.#spent.spend(ticket)
  }

  busIsBack(): void {
    this.#spent.tellAgain()
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
    const ticket: Ticket = { key: ticketKey(token, peer.id), expires }
    this.#spent.isSpent(ticket, (isSpent) =>
      settle(
        isSpent
          ? refusal('token-spent', 'the peer of this token has left: a new one is needed')
          : { admitted: true, ticket },
      ),
    )
  }
}

/**
 * Of a token only what is signed: the signature itself can be written in several ways (base64's unread bits, white
 * space; and of one by ECDSA everybody can make a second), and each would pass for a token that nobody has spent.
 */
function ticketKey(token: string, peer: string): string {
  const signed = token.slice(0, token.lastIndexOf('.'))
  return createHash('sha256').update(signed).update('\0').update(peer).digest('base64url')
}

function refusal(reason: RefusalReason, detail: string): Verdict {
  return { admitted: false, reason, detail }
}

/** What a token names that is not what this server wants, by claim. */
const wrongClaims: Readonly<Record<string, readonly [reason: RefusalReason, detail: string]>> = {
  nbf: ['token-not-yet-valid', 'the token is not valid yet'],
  aud: ['token-audience', 'the token is for another audience'],
  iss: ['token-issuer', 'the token is from another issuer'],
}

/** Tells the log exactly, and the peer as much as it can do something about. */
function unverified(error: unknown): Verdict {
  if (error instanceof KeysUnavailable) {
    return refusal('token-keys-unavailable', 'tokens cannot be checked now')
  }
  if (error instanceof errors.JWTExpired) return refusal('token-expired', 'the token has expired')
  if (error instanceof errors.JWTClaimValidationFailed) {
    return refusal(...(wrongClaims[error.claim] ?? (['token-malformed', 'the token is malformed'] as const)))
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
  return refusal('token-malformed', 'the token is malformed')
}
