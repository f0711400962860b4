/**
 * One incarnation of a placed process: a number, and the peer that runs it. The pair is unique by
 * construction, as the id of a peer is of one load of one page, and a peer draws a number but once
 * for a key. Peers that cannot hear each other may draw the same number; they do not share an epoch.
 */
export interface Epoch {
  readonly epoch: number
  readonly owner: string
}

/**
 * The latest number that is believed. A thousand a second would take four thousand years to get
 * there: what claims more is a lie, and must not push the numbers past what can be counted.
 */
const mostBelievable = 2 ** 47

export function isBelievable({ epoch }: { readonly epoch: number }): boolean {
  return epoch <= mostBelievable
}

/** Whether `a` is later than `b`: by number, then by peer, so that every two are ordered, the same everywhere. */
export function isLater(a: Epoch, b: Epoch): boolean {
  return a.epoch === b.epoch ? a.owner > b.owner : a.epoch > b.epoch
}
