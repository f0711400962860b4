import type { PeerInfo } from '../../src/wire/index.js'
import type { RefusalReason } from './tally.js'

/** Somebody at the door. */
export interface AdmissionRequest {
  readonly room: string
  readonly peer: PeerInfo
  readonly token: string | null
}

/** What a peer was let in with, to be spent when it says goodbye. */
export interface Ticket {
  /** Names the token and the peer, and gives neither away. */
  readonly key: string
  /** Wall clock, in milliseconds since 1970, at which the token expires of itself. */
  readonly expires: number
}

/** Let in, or not and why. */
export type Verdict =
  | {
      readonly admitted: true
      /** Undefined where nothing has to be shown, and so nothing expires. */
      readonly ticket: Ticket | undefined
    }
  | {
      readonly admitted: false
      /** For the log and the metric. */
      readonly reason: RefusalReason
      /** For the peer: says no more than it needs to mend its request. */
      readonly detail: string
    }

/** Decides who comes in. */
export interface Admission {
  /** Calls `settle` exactly once, at once or later; the handshake's time limit runs on meanwhile. */
  admit(request: AdmissionRequest, settle: (verdict: Verdict) => void): void
  /** The peer said goodbye: its ticket does not let it in again. */
  spend(ticket: Ticket): void
  /** The bus to the other instances is back, and may have forgotten what it was told. */
  busIsBack(): void
}

/** Lets everybody in. */
export const openAdmission: Admission = {
  admit: (_request, settle) => settle({ admitted: true, ticket: undefined }),
  spend: () => {},
  busIsBack: () => {},
}
