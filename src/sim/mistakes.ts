import { isGone } from '../mesh/index.js'
import type { Belief, MembershipNode } from './membership-node.js'

/** Pairs of a living node and a subject of whom it believes what is not so. */
export class Mistakes {
  #count = 0

  /** 0 when all views are right. */
  get count(): number {
    return this.#count
  }

  /** Looks again whether what `observer` believes of `subject` is so. */
  review(observer: MembershipNode, subject: MembershipNode): void {
    const isWrong =
      observer !== subject &&
      observer.page !== 'gone' &&
      !isTrue(observer.beliefs.get(subject.info.id), subject)
    const wasWrong = observer.wrong[subject.number] === true
    if (isWrong === wasWrong) return
    observer.wrong[subject.number] = isWrong
    this.#count += isWrong ? 1 : -1
  }
}

function isTrue(belief: Belief | undefined, { page }: MembershipNode): boolean {
  switch (page) {
    case 'joining':
      return belief?.state === 'joining' || belief?.state === 'alive'
    case 'shown':
      return belief?.state === 'alive'
    case 'hidden':
      return belief?.state === 'parked'
    case 'leaving':
      return belief?.state === 'leaving'
    case 'gone':
      return belief === undefined || isGone(belief.state)
  }
}
