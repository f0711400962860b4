import { describe, expect, it } from 'vitest'
import type { Belief, MembershipNode, PageState } from './membership-node.js'
import { Mistakes } from './mistakes.js'

type Node = Pick<MembershipNode, 'number' | 'info' | 'beliefs' | 'wrong' | 'page'>

function node(number: number, page: PageState = 'shown'): MembershipNode {
  const id = `n${number}`
  const made: Node = {
    number,
    info: { id, kind: 'tab', weight: 1, host: id },
    beliefs: new Map(),
    wrong: [],
    page,
  }
  return made as MembershipNode
}

const belief = (state: Belief['state']): Belief => ({ state, incarnation: 1 })

describe('mistakes', () => {
  it('are counted once for each pair, and not any more when they are put right', () => {
    const mistakes = new Mistakes()
    const [a, b] = [node(0), node(1)]
    mistakes.review(a, b)
    mistakes.review(a, b)
    expect(mistakes.count).toBe(1)
    mistakes.review(b, a)
    expect(mistakes.count).toBe(2)
    a.beliefs.set('n1', belief('alive'))
    mistakes.review(a, b)
    expect(mistakes.count).toBe(1)
  })

  it('are nobody’s about itself, nor those of a page that is gone', () => {
    const mistakes = new Mistakes()
    const gone = node(1, 'gone')
    mistakes.review(node(0), gone)
    mistakes.review(gone, node(0))
    const self = node(2)
    mistakes.review(self, self)
    expect(mistakes.count).toBe(0)
  })

  it('are what a page does not do: a hidden one is parked, one that is gone is dead, has left or is not known', () => {
    const right: [PageState, Belief['state'][]][] = [
      ['joining', ['joining', 'alive']],
      ['shown', ['alive']],
      ['hidden', ['parked']],
      ['leaving', ['leaving']],
      ['gone', ['dead', 'left']],
    ]
    const all = ['joining', 'alive', 'suspect', 'parked', 'leaving', 'dead', 'left'] as const
    for (const [page, states] of right) {
      for (const state of all) {
        const mistakes = new Mistakes()
        const observer = node(0)
        observer.beliefs.set('n1', belief(state))
        mistakes.review(observer, node(1, page))
        expect(mistakes.count, `${page}, held for ${state}`).toBe(states.includes(state) ? 0 : 1)
      }
    }
  })
})
