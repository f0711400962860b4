import * as v from 'valibot'

/** A peer's id: fresh for every page load and every edge process, so it also names an incarnation of the page. */
export type PeerId = string

/** Schema of a {@link PeerId}: 1 to 64 characters of `A-Z a-z 0-9 _ -`, which every door of the system may carry. */
export const peerId = v.pipe(v.string(), v.regex(/^[\w-]{1,64}$/, 'must be 1 to 64 letters, digits, _ or -'))

/** A browser tab, or an edge worker: a Node process that is meant to stay. */
export type PeerKind = 'tab' | 'edge'

/** What a peer says of itself when it joins; the same for as long as it lives. */
export interface PeerInfo {
  id: PeerId
  kind: PeerKind
  /** Share of the ring: 1 for a tab, 4 for an edge worker, 0 for a peer that holds no state. */
  weight: number
  /**
   * The failure domain: the same for all tabs of one browser, which die together. Copies of a key
   * are spread over distinct ones.
   */
  host: PeerId
}

/** Schema of a {@link PeerInfo}. */
export const peerInfo = v.strictObject({
  id: peerId,
  kind: v.picklist(['tab', 'edge']),
  weight: v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(1000)),
  host: peerId,
}) satisfies v.GenericSchema<unknown, PeerInfo>
