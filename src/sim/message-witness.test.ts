import { describe, expect, it } from 'vitest'
import { MessageWitness } from './message-witness.js'

function witness(given: { apart?: boolean; hostile?: string[] } = {}) {
  const page = (id: string) => ({ name: id, info: { id, kind: 'tab' as const, weight: 1, host: id } })
  const wrong: string[] = []
  let asked = 0
  const messages = new MessageWitness({
    asked: () => asked++,
    wrong: (_invariant, explanation) => wrong.push(explanation),
    node: (id) => (id === 'stranger' ? undefined : page(id)),
    wereApart: () => given.apart === true,
    hostile: new Set(given.hostile),
  })
  const receive = (to: string, from: string, ...numbers: number[]): void => {
    for (const number of numbers) messages.received(page(to), from, number)
  }
  return { receive, wrong, asked: () => asked }
}

describe('the witness of messages', () => {
  it('finds nothing wrong where each comes once and in order, from every sender by itself', () => {
    const { receive, wrong, asked } = witness()
    receive('a', 'b', 1, 2)
    receive('a', 'c', 1)
    receive('b', 'c', 1, 2)
    expect(wrong).toEqual([])
    expect(asked()).toBe(5)
  })

  it('sees one that comes twice or late, whatever happened between the two', () => {
    const { receive, wrong } = witness({ apart: true })
    receive('a', 'b', 1, 1)
    receive('a', 'c', 2, 1)
    expect(wrong).toEqual(['a got message 1 of b after 1', 'a got message 1 of c after 2'])
  })

  it('sees a gap, but for pages that held each other for gone', () => {
    const near = witness()
    near.receive('a', 'b', 1, 3)
    expect(near.wrong).toEqual(['a got message 3 of b after 1: some are lost'])
    const apart = witness({ apart: true })
    apart.receive('a', 'b', 1, 3)
    expect(apart.wrong).toEqual([])
  })

  it('asks nothing of pages that send what chance made up', () => {
    const { receive, wrong, asked } = witness({ hostile: ['b'] })
    receive('a', 'b', 7, 3)
    receive('b', 'a', 7, 3)
    expect(wrong).toEqual([])
    expect(asked()).toBe(0)
  })
})
